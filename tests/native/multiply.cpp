// Products of native/ggml/multiply.h beside plain ones that add in ggml's order. Exits with 77 if they are left to ggml.
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <vector>
#include <immintrin.h>

typedef uint16_t ggml_half;
struct block_q8_0 { ggml_half d; int8_t qs[32]; };
struct block_q8_0x4 { ggml_half d[4]; int8_t qs[128]; };
struct block_q4_0x8 { ggml_half d[8]; int8_t qs[128]; };
#define GGML_CPU_FP16_TO_FP32(x) _cvtsh_ss(x)

#include "multiply.h"

static ggml_half half(float x) { return _cvtss_sh(x, 0); }

static int weight(const block_q4_0x8 & block, int column, int k) {
    const int at = k % 16, byte = (uint8_t) block.qs[at/8*64 + column*8 + at % 8];
    const int nibble = k < 16 ? byte & 15 : byte >> 4;
    return nibble < 8 ? nibble : nibble - 16;
}

static float plain(const block_q4_0x8 * weights, int column, const int8_t * quants, const float * scales, int n_blocks) {
    float sum = 0;
    for (int b = 0; b < n_blocks; b++) {
        int32_t products = 0;
        for (int k = 0; k < 32; k++) products += weight(weights[b], column, k)*quants[b*32 + k];
        sum = fmaf((float) products, _cvtsh_ss(weights[b].d[column])*scales[b], sum);
    }
    return sum;
}

int main() {
    srand(1);
    for (int round = 0; round < 150; round++) {
        const int n_blocks = 1 + rand() % 40, n_columns = 8*(1 + rand() % 9), n_rows = 4*(1 + rand() % 6);
        std::vector<block_q4_0x8> weights(n_columns/8*n_blocks);
        for (auto & block : weights) {
            for (auto & q : block.qs) q = rand();
            for (auto & d : block.d) d = half((rand() % 2001 - 1000)*1e-4f);
        }
        std::vector<int8_t> quants(n_rows*n_blocks*32);
        std::vector<float> scales(n_rows*n_blocks);
        for (auto & q : quants) q = rand() % 255 - 127;
        for (auto & d : scales) d = _cvtsh_ss(half(rand() % 1000*1e-4f));
        std::vector<float> out(n_rows*n_columns, NAN);
        std::vector<block_q8_0x4> rows(n_rows/4*n_blocks);
        std::vector<block_q8_0> last(n_blocks);
        std::vector<float> alone(n_columns, NAN);
        for (int r = 0; r < n_rows; r++) for (int b = 0; b < n_blocks; b++) {
            block_q8_0x4 & block = rows[r/4*n_blocks + b];
            block.d[r % 4] = half(scales[r*n_blocks + b]);
            for (int k = 0; k < 32; k++) block.qs[k/8*32 + r % 4*8 + k % 8] = quants[(r*n_blocks + b)*32 + k];
            last[b].d = block.d[r % 4];
            for (int k = 0; k < 32; k++) last[b].qs[k] = quants[(r*n_blocks + b)*32 + k];
        }
        if (!llamactl_gemm_q4_0(n_blocks*32, out.data(), n_columns, weights.data(), rows.data(), n_rows, n_columns)) return 77;
        if (!llamactl_gemv_q4_0(n_blocks*32, alone.data(), n_columns, weights.data(), last.data(), 1, n_columns)) return 77;
        for (int r = 0; r < n_rows; r++) for (int c = 0; c < n_columns; c++) {
            const float wanted = plain(&weights[c/8*n_blocks], c % 8, &quants[r*n_blocks*32], &scales[r*n_blocks], n_blocks);
            if (out[r*n_columns + c] != wanted) {
                printf("round %d, row %d, column %d: %g, not %g\n", round, r, c, out[r*n_columns + c], wanted);
                return 1;
            }
            if (r == n_rows - 1 && alone[c] != wanted) {
                printf("round %d, one row, column %d: %g, not %g\n", round, c, alone[c], wanted);
                return 1;
            }
        }
    }
}
