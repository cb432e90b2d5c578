// Products of native/ggml/bytes.h beside plain ones that add in ggml's order. Exits with 77 if they are left to ggml.
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <vector>
#include <immintrin.h>

typedef uint16_t ggml_half;
struct block_q8_0 { ggml_half d; int8_t qs[32]; };
#define GGML_CPU_FP16_TO_FP32(x) _cvtsh_ss(x)

#include "bytes.h"

static float plain(const block_q8_0 * x, const block_q8_0 * y, int n_blocks) {
    float lanes[8] = {};
    for (int b = 0; b < n_blocks; b++) for (int lane = 0; lane < 8; lane++) {
        int sum = 0;
        for (int i = 4*lane; i < 4*lane + 4; i++) sum += x[b].qs[i]*y[b].qs[i];
        lanes[lane] = fmaf(_cvtsh_ss(x[b].d)*_cvtsh_ss(y[b].d), (float) sum, lanes[lane]);
    }
    float four[4];
    for (int i = 0; i < 4; i++) four[i] = lanes[4 + i] + lanes[i];
    return (four[0] + four[2]) + (four[1] + four[3]);
}

static std::vector<block_q8_0> blocks(int n) {
    std::vector<block_q8_0> made(n);
    for (auto & block : made) {
        block.d = _cvtss_sh((rand() % 2001 - 1000)*1e-4f, 0);
        for (auto & q : block.qs) q = rand() % 255 - 127;
    }
    return made;
}

int main() {
    srand(1);
    for (int round = 0; round < 150; round++) {
        int n = round % 5 ? 1 + rand() % 20 : 1;
#ifdef LLAMACTL_BYTES
        if (n > llamactl::N_ROWS_MOST) n = 1;  // more are left to ggml
#endif
        const int m = 1 + rand() % 40, k = 1 + rand() % 20, nth = 1 + rand() % 4, spare = rand() % 3;
        const auto weights = blocks(m*(k + spare)), rows = blocks(n*(k + spare));
        std::vector<float> out(n*(m + spare), NAN);
        for (int ith = 0; ith < nth; ith++)
            if (!llamactl_multiply_q8_0(ith, nth, m, n, k, weights.data(), k + spare, rows.data(), k + spare, out.data(), m + spare))
                return 77;
        for (int r = 0; r < n; r++) for (int c = 0; c < m + spare; c++) {
            const float found = out[r*(m + spare) + c];
            const float wanted = c < m ? plain(&weights[c*(k + spare)], &rows[r*(k + spare)], k) : NAN;
            if (c < m ? found != wanted : !std::isnan(found)) {
                printf("round %d, row %d, column %d: %g, not %g\n", round, r, c, found, wanted);
                return 1;
            }
        }
    }
}
