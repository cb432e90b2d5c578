// Masks and keys of native/ggml/tile.h beside plain loops. Exits with 77 if they are left to ggml.
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <vector>
#include <immintrin.h>

typedef uint16_t ggml_fp16_t;
enum { GGML_TYPE_F32 = 0, GGML_TYPE_F16 = 1 };
struct ggml_tensor { int type; int64_t ne[4]; size_t nb[4]; void * data; };

#include "masked.h"
#include "tile.h"

static const int WIDTH = 64;

static ggml_tensor tensor(std::vector<ggml_fp16_t> & numbers, int64_t a, int64_t b, int64_t c, int64_t d) {
    numbers.resize(a*b*c*d);
    return {GGML_TYPE_F16, {a, b, c, d}, {2, size_t(2*a), size_t(2*a*b), size_t(2*a*b*c)}, numbers.data()};
}

static int check_mask() {
    std::vector<ggml_fp16_t> numbers;
    const int n_cells = 1 + rand() % 200, n_heads = 1 + rand() % 2, n_rows = 1 + rand() % 64, first_row = rand() % 5;
    const ggml_tensor mask = tensor(numbers, n_cells, first_row + n_rows, n_heads, 2);
    const int seen = rand() % 4;
    for (auto & x : numbers) x = seen && rand() % (seen == 1 ? 5000 : 2) == 0 ? _cvtss_sh(rand() % 100 - 50, 0) : 0xFC00;
    const int cell = rand() % n_cells / WIDTH * WIDTH, n = std::min(WIDTH, n_cells - cell), head = rand() % 5, i3 = rand() % 3;
    const float slope = 1.0f + rand() % 3;
    std::vector<float> wanted(n_rows*WIDTH, -INFINITY), found(n_rows*WIDTH, NAN);
    bool is_any_seen = false, is_seen = false;
    for (int r = 0; r < n_rows; r++) for (int c = 0; c < n; c++) {
        const ggml_fp16_t x = numbers[((i3 % 2*n_heads + head % n_heads)*(first_row + n_rows) + first_row + r)*n_cells + cell + c];
        wanted[r*WIDTH + c] = slope*_cvtsh_ss(x);
        is_any_seen |= x != 0xFC00;
    }
    if (!llamactl_take_mask(&mask, first_row, head, i3, cell, n_rows, n, WIDTH, slope, found.data(), &is_seen)) return 77;
    if (is_seen != is_any_seen) { printf("seen %d, not %d\n", is_seen, is_any_seen); return 1; }
    if (is_seen && found != wanted) { printf("a mask of %d rows and %d cells differs\n", n_rows, n); return 1; }
    return 0;
}

static int check_keys() {
    std::vector<ggml_fp16_t> numbers;
    const int n_dims = 16*(1 + rand() % 8), n = 16*(1 + rand() % 4), n_heads = 1 + rand() % 3, cell = rand() % 9;
    const ggml_tensor keys = tensor(numbers, n_dims, cell + n, n_heads, 2);
    for (auto & x : numbers) x = _cvtss_sh((rand() % 2001 - 1000)*1e-3f, 0);
    const int head = rand() % n_heads, i3 = rand() % 2;
    std::vector<float> wanted(n_dims*WIDTH, 7), found(n_dims*WIDTH, 7);
    for (int c = 0; c < n; c++) for (int d = 0; d < n_dims; d++)
        wanted[d*WIDTH + c] = _cvtsh_ss(numbers[((i3*n_heads + head)*(cell + n) + cell + c)*n_dims + d]);
    if (!llamactl_take_keys(&keys, cell, head, i3, n, n_dims, WIDTH, found.data())) return 77;
    if (found != wanted) { printf("%d keys of %d differ\n", n, n_dims); return 1; }
    return 0;
}

int main() {
    srand(1);
    for (int round = 0; round < 500; round++) {
        if (const int rc = check_mask()) return rc;
        if (const int rc = check_keys()) return rc;
    }
    bool is_seen = false;
    return llamactl_take_mask(nullptr, 0, 0, 0, 0, 1, 1, WIDTH, 1, nullptr, &is_seen) && is_seen ? 0 : 1;
}
