/* Part of attend.h: the cells that a row sees, and how well their keys fit it. */
#pragma once

#include "attend_lanes.h"
#include "masked.h"

#if LLAMACTL_ATTENDS

namespace llamactl {

constexpr int N_BLOCK = 64;  // cells that a block has at most; one bit each in a uint64_t
constexpr int N_DIMS = 256;

struct Block {
    int n = 0;
    int64_t cells[N_BLOCK];
    alignas(64) float bias[N_BLOCK] = {};
};

/* The next cells that a row sees from at on; at moves behind them. mask: of the row, or null. */
static inline void collect(Block & block, const ggml_fp16_t * mask, int64_t & at, int64_t end) {
    block.n = 0;
    while (block.n < N_BLOCK && at < end) {
        if (mask && (uint16_t) mask[at] == LLAMACTL_MASKED) {
            at = llamactl_next_seen((const uint16_t *) mask, at, end);
            continue;
        }
        block.bias[block.n] = mask ? GGML_CPU_FP16_TO_FP32(mask[at]) : 0.0f;
        block.cells[block.n++] = at++;
    }
}

/* Adds dimensions [d, n_dims), which are less than a slice, to the dots of some cells, one in each lane: a product in single precision each,
 * added in double precision. */
template <int H>
static inline void add_rest(const ggml_fp16_t * const * keys, const float (*queries)[N_DIMS], int d, int n_dims, Lanes * dots) {
    Doubles low[H], high[H];
    for (int h = 0; h < H; ++h) {
        low[h] = lower(dots[h]);
        high[h] = upper(dots[h]);
    }
    for (; d < n_dims; d += N_EIGHT) {
        Lanes numbers[N_EIGHT];
        turn_over(keys, d, numbers);
        for (int k = 0; k < N_EIGHT; ++k) {
            for (int h = 0; h < H; ++h) {
                const Lanes product = mul(numbers[k], all(queries[h][d + k]));
                low[h] = add(low[h], lower(product));
                high[h] = add(high[h], upper(product));
            }
        }
    }
    for (int h = 0; h < H; ++h) {
        dots[h] = to_float(low[h], high[h]);
    }
}

/* The same cells' dots over whole slices, [0, n_dims). */
template <int H>
static inline void add_slices(const ggml_fp16_t * const * keys, const float (*queries)[N_DIMS], int n_dims, Lanes * dots) {
    Lanes products[H][N_LANES];
    for (int i = 0; i < N_LANES; ++i) {
        Lanes part[H][4];
        for (int h = 0; h < H; ++h) {
            for (int k = 0; k < 4; ++k) {
                part[h][k] = all(0.0f);
            }
        }
        for (int d = 0; d < n_dims; d += N_SLICE) {
            for (int k = 0; k < 4; ++k) {
                const Lanes x = load_half(keys[i] + d + k*N_LANES);
                for (int h = 0; h < H; ++h) {
                    part[h][k] = fmadd(x, load(queries[h] + d + k*N_LANES), part[h][k]);
                }
            }
        }
        for (int h = 0; h < H; ++h) {
            const Lanes even = add(part[h][0], part[h][2]);
            products[h][i] = add(even, add(part[h][1], part[h][3]));
        }
    }
    for (int h = 0; h < H; ++h) {
        dots[h] = reduce_each(products[h]);
    }
}

/* scores[h][i] = scale * key of cell i . query h + bias. queries: (H, n_dims), rounded to half precision. */
template <int H>
static inline void score(const Block & block, const char * keys, size_t stride, const float (*queries)[N_DIMS],
                         int n_dims, float scale, float (*scores)[N_BLOCK]) {
    const int n_sliced = n_dims - n_dims%N_SLICE;
    for (int first = 0; first < block.n; first += N_LANES) {
        const ggml_fp16_t * each[N_LANES];
        for (int i = 0; i < N_LANES; ++i) {
            each[i] = (const ggml_fp16_t *) (keys + block.cells[first + i < block.n ? first + i : block.n - 1]*stride);
        }
        Lanes dots[H];
        for (int h = 0; h < H; ++h) {
            dots[h] = all(0.0f);
        }
        if (n_sliced > 0) {
            add_slices<H>(each, queries, n_sliced, dots);
        }
        if (n_sliced < n_dims) {
            add_rest<H>(each, queries, n_sliced, n_dims, dots);
        }
        const Lanes bias = load(block.bias + first);
        for (int h = 0; h < H; ++h) {
            store(scores[h] + first, fmadd(dots[h], all(scale), bias));
        }
    }
}

}  // namespace llamactl

#endif
