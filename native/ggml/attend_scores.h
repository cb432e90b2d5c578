/* Part of attend.h: the cells that a row sees, and how well their keys fit it. */
#pragma once

#include "masked.h"

#if LLAMACTL_ATTENDS

#include <immintrin.h>

namespace llamactl {

constexpr int N_LANES = 16;
constexpr int N_BLOCK = 64;  // cells that a block has at most; one bit each in a uint64_t
constexpr int N_SLICE = 64;  // dimensions that are taken at a time
constexpr int N_EIGHT = 8;   // what the numbers of dimensions are multiples of
constexpr int N_DIMS = 256;

struct Block {
    int n = 0;
    int64_t cells[N_BLOCK];
    alignas(64) float bias[N_BLOCK] = {};
};

static inline __m512 load_half(const ggml_fp16_t * from) {
    return _mm512_cvtph_ps(_mm256_loadu_si256((const __m256i *) from));
}

static inline __m256i to_half(__m512 x) {
    return _mm512_cvtps_ph(x, _MM_FROUND_TO_NEAREST_INT);
}

static inline __m512 round_to_half(__m512 x) {
    return _mm512_cvtph_ps(to_half(x));
}

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

/* The sums of the lanes of 16 vectors, each added up as _mm512_reduce_add_ps does it. */
static inline __m512 reduce_each(__m512 * v) {
    for (int i = 0; i < 8; ++i) {
        const __m512 a = v[2*i], b = v[2*i + 1];
        v[i] = _mm512_add_ps(_mm512_shuffle_f32x4(a, b, 0x44), _mm512_shuffle_f32x4(a, b, 0xEE));
    }
    for (int i = 0; i < 4; ++i) {
        const __m512 a = v[2*i], b = v[2*i + 1];
        v[i] = _mm512_add_ps(_mm512_shuffle_f32x4(a, b, 0x88), _mm512_shuffle_f32x4(a, b, 0xDD));
    }
    for (int i = 0; i < 2; ++i) {
        const __m512 a = v[2*i], b = v[2*i + 1];
        v[i] = _mm512_add_ps(_mm512_shuffle_ps(a, b, 0x44), _mm512_shuffle_ps(a, b, 0xEE));
    }
    const __m512 sums = _mm512_add_ps(_mm512_shuffle_ps(v[0], v[1], 0x88), _mm512_shuffle_ps(v[0], v[1], 0xDD));
    // a lane of four holds every fourth cell
    const __m512i order = _mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
    return _mm512_permutexvar_ps(order, sums);
}

/* Dimensions d to d + 7 of the keys of 16 cells: numbers[k] has dimension d + k of each. */
static inline void turn_over(const ggml_fp16_t * const * keys, int d, __m512 * numbers) {
    const auto eight = [=](int i) { return _mm_loadu_si128((const __m128i *) (keys[i] + d)); };
    __m512i rows[4];  // a cell in each quarter: i, 4 + i, 8 + i, 12 + i
    for (int i = 0; i < 4; ++i) {
        const __m256i low = _mm256_inserti128_si256(_mm256_castsi128_si256(eight(i)), eight(4 + i), 1);
        const __m256i high = _mm256_inserti128_si256(_mm256_castsi128_si256(eight(8 + i)), eight(12 + i), 1);
        rows[i] = _mm512_inserti64x4(_mm512_castsi256_si512(low), high, 1);
    }
    const __m512i low = _mm512_unpacklo_epi32(rows[0], rows[1]), high = _mm512_unpackhi_epi32(rows[0], rows[1]);
    const __m512i low2 = _mm512_unpacklo_epi32(rows[2], rows[3]), high2 = _mm512_unpackhi_epi32(rows[2], rows[3]);
    const __m512i pairs[4] = {_mm512_unpacklo_epi64(low, low2), _mm512_unpackhi_epi64(low, low2),
                              _mm512_unpacklo_epi64(high, high2), _mm512_unpackhi_epi64(high, high2)};
    for (int i = 0; i < 4; ++i) {
        numbers[2*i] = _mm512_cvtph_ps(_mm512_cvtepi32_epi16(pairs[i]));
        numbers[2*i + 1] = _mm512_cvtph_ps(_mm512_cvtepi32_epi16(_mm512_srli_epi32(pairs[i], 16)));
    }
}

static inline __m512d lower(__m512 x) {
    return _mm512_cvtps_pd(_mm512_castps512_ps256(x));
}

static inline __m512d upper(__m512 x) {
    return _mm512_cvtps_pd(_mm256_castpd_ps(_mm512_extractf64x4_pd(_mm512_castps_pd(x), 1)));
}

static inline __m512 to_float(__m512d low, __m512d high) {
    const __m512 first = _mm512_castps256_ps512(_mm512_cvtpd_ps(low));
    return _mm512_castpd_ps(_mm512_insertf64x4(_mm512_castps_pd(first), _mm256_castps_pd(_mm512_cvtpd_ps(high)), 1));
}

/* Adds dimensions [d, n_dims), which are less than a slice, to the dots of 16 cells: a product in single precision each,
 * added in double precision. */
template <int H>
static inline void add_rest(const ggml_fp16_t * const * keys, const float (*queries)[N_DIMS], int d, int n_dims, __m512 * dots) {
    __m512d low[H], high[H];
    for (int h = 0; h < H; ++h) {
        low[h] = lower(dots[h]);
        high[h] = upper(dots[h]);
    }
    for (; d < n_dims; d += N_EIGHT) {
        __m512 numbers[N_EIGHT];
        turn_over(keys, d, numbers);
        for (int k = 0; k < N_EIGHT; ++k) {
            for (int h = 0; h < H; ++h) {
                const __m512 product = _mm512_mul_ps(numbers[k], _mm512_set1_ps(queries[h][d + k]));
                low[h] = _mm512_add_pd(low[h], lower(product));
                high[h] = _mm512_add_pd(high[h], upper(product));
            }
        }
    }
    for (int h = 0; h < H; ++h) {
        dots[h] = to_float(low[h], high[h]);
    }
}

/* The dots of 16 cells over whole slices, [0, n_dims). */
template <int H>
static inline void add_slices(const ggml_fp16_t * const * keys, const float (*queries)[N_DIMS], int n_dims, __m512 * dots) {
    __m512 products[H][N_LANES];
    for (int i = 0; i < N_LANES; ++i) {
        __m512 part[H][4];
        for (int h = 0; h < H; ++h) {
            for (int k = 0; k < 4; ++k) {
                part[h][k] = _mm512_setzero_ps();
            }
        }
        for (int d = 0; d < n_dims; d += N_SLICE) {
            for (int k = 0; k < 4; ++k) {
                const __m512 x = load_half(keys[i] + d + k*N_LANES);
                for (int h = 0; h < H; ++h) {
                    part[h][k] = _mm512_fmadd_ps(x, _mm512_load_ps(queries[h] + d + k*N_LANES), part[h][k]);
                }
            }
        }
        for (int h = 0; h < H; ++h) {
            const __m512 even = _mm512_add_ps(part[h][0], part[h][2]);
            products[h][i] = _mm512_add_ps(even, _mm512_add_ps(part[h][1], part[h][3]));
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
        __m512 dots[H];
        for (int h = 0; h < H; ++h) {
            dots[h] = _mm512_setzero_ps();
        }
        if (n_sliced > 0) {
            add_slices<H>(each, queries, n_sliced, dots);
        }
        if (n_sliced < n_dims) {
            add_rest<H>(each, queries, n_sliced, n_dims, dots);
        }
        const __m512 bias = _mm512_load_ps(block.bias + first);
        for (int h = 0; h < H; ++h) {
            _mm512_store_ps(scores[h] + first, _mm512_fmadd_ps(dots[h], _mm512_set1_ps(scale), bias));
        }
    }
}

}  // namespace llamactl

#endif
