/* Compiled into ggml's products of Q8_0 weights on x86 (hooks.cmake): by AVX-512's VNNI, for as many rows of activations as
 * fit into 128 KiB (227 rows of 576 numbers).
 *
 * ggml takes four rows of weights and up to four of activations at a time, moves the sign of one factor to the other at each
 * use, and puts scales together one by one: with two rows it does three products a cycle. Here two rows of weights lie
 * in one register and are used for up to eight rows of activations. These are made unsigned once, as a + 128; 128 times
 * the sum of the weights is subtracted, which is one number a lane and block. For one row it is the weights that are made
 * unsigned, which costs less there.
 *
 * Rows of weights lie one after the other, but four are read in turn, which no processor foresees; so they are fetched ahead,
 * in the order of memory. That makes one row four times as fast where weights come from memory.
 *
 * The sums of a block are integers, so exact, and the lanes are scaled, added up over the blocks and added together in ggml's
 * order with ggml's rounding: the result is the same, bit for bit. */
#pragma once

#if !defined(__AVX512VNNI__) || !defined(__AVX512BW__) || !defined(__AVX512DQ__) || !defined(__AVX512VL__)

static inline bool llamactl_multiply_q8_0(int, int, int64_t, int64_t, int64_t, const void *, int64_t, const void *, int64_t,
                                          void *, int64_t) {
    return false;
}

#else

#include <immintrin.h>

#include <algorithm>
#include <cstdint>
#include <vector>

namespace llamactl {

constexpr int N_BYTES = 32;             // quants of a block
constexpr int N_TOGETHER = 8;           // rows of activations that are taken together at most
constexpr int N_WEIGHTS = 4;            // rows of weights that are taken together, two in a register
constexpr int64_t N_HELD = 128 * 1024;  // bytes of activations that a thread holds at most
constexpr int N_FETCHED = 8;            // rows of weights from a row to what is fetched at the same time

/* R rows of activations, unsigned: (n_blocks, R, 32) quants and (n_blocks, R) scales. */
struct Unsigned {
    const uint8_t * quants;
    const float * scales;
};

/* Makes R rows unsigned. to: room for them. */
static inline void make_unsigned(const block_q8_0 * rows, int64_t stride, int n, int64_t n_blocks, uint8_t * quants,
                                 float * scales) {
    const __m256i flip = _mm256_set1_epi8((char) 0x80);
    for (int64_t b = 0; b < n_blocks; ++b) {
        for (int r = 0; r < n; ++r) {
            const block_q8_0 & block = rows[r*stride + b];
            const __m256i x = _mm256_loadu_si256((const __m256i *) block.qs);
            _mm256_storeu_si256((__m256i *) (quants + (b*n + r)*N_BYTES), _mm256_xor_si256(x, flip));
            scales[b*n + r] = GGML_CPU_FP16_TO_FP32(block.d);
        }
    }
}

/* Eight lanes, added together as ggml does it. */
static inline float add_lanes(__m256 x) {
    __m128 sum = _mm_add_ps(_mm256_extractf128_ps(x, 1), _mm256_castps256_ps128(x));
    sum = _mm_add_ps(sum, _mm_movehl_ps(sum, sum));
    return _mm_cvtss_f32(_mm_add_ss(sum, _mm_movehdup_ps(sum)));
}

/* Fetches what four rows of weights have at block b, if they are the next four but one. */
static inline void fetch(const block_q8_0 * weights, int64_t n_blocks, int64_t b) {
    const char * at = (const char *) (weights + N_FETCHED*n_blocks + N_WEIGHTS*b);
    _mm_prefetch(at, _MM_HINT_T0);
    _mm_prefetch(at + 64, _MM_HINT_T0);
    _mm_prefetch(at + 128, _MM_HINT_T0);
}

/* Four rows of weights times R of activations. to: (R, 4). */
template <int R>
static inline void multiply_bytes(int64_t n_blocks, const block_q8_0 * const * weights, const Unsigned & rows,
                                  float (*to)[N_WEIGHTS]) {
    const __m512i most = _mm512_set1_epi8((char) 0x80);
    __m512 sums[2][R];
    for (int r = 0; r < R; ++r) {
        sums[0][r] = sums[1][r] = _mm512_setzero_ps();
    }
    for (int64_t b = 0; b < n_blocks; ++b) {
        __m512i quants[2], starts[2];
        __m512 scales[2];
        fetch(weights[0], n_blocks, b);
        for (int w = 0; w < 2; ++w) {
            const block_q8_0 & low = weights[2*w][b], & high = weights[2*w + 1][b];
            const __m256i x = _mm256_loadu_si256((const __m256i *) low.qs), y = _mm256_loadu_si256((const __m256i *) high.qs);
            quants[w] = _mm512_inserti64x4(_mm512_castsi256_si512(x), y, 1);
            starts[w] = _mm512_sub_epi32(_mm512_setzero_si512(), _mm512_dpbusd_epi32(_mm512_setzero_si512(), most, quants[w]));
            scales[w] = _mm512_insertf32x8(_mm512_set1_ps(GGML_CPU_FP16_TO_FP32(low.d)),
                                           _mm256_set1_ps(GGML_CPU_FP16_TO_FP32(high.d)), 1);
        }
        for (int r = 0; r < R; ++r) {
            const uint8_t * row = rows.quants + (b*R + r)*N_BYTES;
            const __m512i activations = _mm512_broadcast_i64x4(_mm256_loadu_si256((const __m256i *) row));
            const __m512 scale = _mm512_set1_ps(rows.scales[b*R + r]);
            for (int w = 0; w < 2; ++w) {
                const __m512 products = _mm512_cvtepi32_ps(_mm512_dpbusd_epi32(starts[w], activations, quants[w]));
                sums[w][r] = _mm512_fmadd_ps(_mm512_mul_ps(scales[w], scale), products, sums[w][r]);
            }
        }
    }
    for (int r = 0; r < R; ++r) {
        for (int w = 0; w < 2; ++w) {
            to[r][2*w] = add_lanes(_mm512_castps512_ps256(sums[w][r]));
            to[r][2*w + 1] = add_lanes(_mm512_extractf32x8_ps(sums[w][r], 1));
        }
    }
}

/* What each lane of a block's products with one row starts with: -128 times the sum of its four quants. */
static inline void make_starts(const block_q8_0 * row, int64_t n_blocks, uint8_t * starts, float * scales) {
    const __m256i most = _mm256_set1_epi8((char) 0x80), none = _mm256_setzero_si256();
    for (int64_t b = 0; b < n_blocks; ++b) {
        const __m256i sums = _mm256_dpbusd_epi32(none, most, _mm256_loadu_si256((const __m256i *) row[b].qs));
        _mm256_storeu_si256((__m256i *) (starts + b*N_BYTES), _mm256_sub_epi32(none, sums));
        scales[b] = GGML_CPU_FP16_TO_FP32(row[b].d);
    }
}

/* Four rows of weights times one of activations. */
static inline void multiply_bytes_once(int64_t n_blocks, const block_q8_0 * const * weights, const block_q8_0 * row,
                                       const uint8_t * starts, const float * scales, float * to) {
    const __m256i flip = _mm256_set1_epi8((char) 0x80);
    __m256 sums[N_WEIGHTS];
    for (int w = 0; w < N_WEIGHTS; ++w) {
        sums[w] = _mm256_setzero_ps();
    }
    for (int64_t b = 0; b < n_blocks; ++b) {
        const __m256i quants = _mm256_loadu_si256((const __m256i *) row[b].qs);
        const __m256i start = _mm256_loadu_si256((const __m256i *) (starts + b*N_BYTES));
        fetch(weights[0], n_blocks, b);
        for (int w = 0; w < N_WEIGHTS; ++w) {
            const block_q8_0 & block = weights[w][b];
            const __m256i shifted = _mm256_xor_si256(_mm256_loadu_si256((const __m256i *) block.qs), flip);
            const __m256 products = _mm256_cvtepi32_ps(_mm256_dpbusd_epi32(start, shifted, quants));
            const __m256 scale = _mm256_set1_ps(GGML_CPU_FP16_TO_FP32(block.d)*scales[b]);
            sums[w] = _mm256_fmadd_ps(scale, products, sums[w]);
        }
    }
    for (int w = 0; w < N_WEIGHTS; ++w) {
        to[w] = add_lanes(sums[w]);
    }
}

typedef void (*MultiplyBytes)(int64_t, const block_q8_0 * const *, const Unsigned &, float (*)[N_WEIGHTS]);

static const MultiplyBytes MULTIPLY_BYTES[] = {
    nullptr, multiply_bytes<2>, multiply_bytes<3>, multiply_bytes<4>,
    multiply_bytes<5>, multiply_bytes<6>, multiply_bytes<7>, multiply_bytes<8>,
};

/* Calls take(weights, first, n) for the four rows of weights from first on, of which n are there, in thread ith's part of m. */
template <typename Take>
static inline void for_each_four(int ith, int nth, int64_t m, const block_q8_0 * weights, int64_t stride, Take take) {
    const int64_t n_fours = (m + N_WEIGHTS - 1)/N_WEIGHTS;
    for (int64_t four = n_fours*ith/nth; four < n_fours*(ith + 1)/nth; ++four) {
        const int64_t first = four*N_WEIGHTS;
        const block_q8_0 * rows[N_WEIGHTS];
        for (int64_t i = 0; i < N_WEIGHTS; ++i) {
            rows[i] = weights + std::min(first + i, m - 1)*stride;
        }
        take(rows, first, std::min((int64_t) N_WEIGHTS, m - first));
    }
}

}  // namespace llamactl

/* A part of C = A B, for thread ith of nth: A (m, k), weights, and B (n, k), activations, in blocks of Q8_0; C (n, m). Strides in
 * blocks and floats. False: they are more rows than that, and left to ggml, for all threads alike. */
static bool llamactl_multiply_q8_0(int ith, int nth, int64_t m, int64_t n, int64_t k, const void * a, int64_t lda,
                                   const void * b, int64_t ldb, void * c, int64_t ldc) {
    using namespace llamactl;
    if (n*k*N_BYTES > N_HELD) {
        return false;
    }
    static thread_local std::vector<uint8_t> quants_held(N_HELD);
    static thread_local std::vector<float> scales_held(N_HELD/N_BYTES);
    uint8_t * const quants = quants_held.data();
    float * const scales = scales_held.data(), * const out = (float *) c;
    const block_q8_0 * weights = (const block_q8_0 *) a, * activations = (const block_q8_0 *) b;
    if (n == 1) {
        make_starts(activations, k, quants, scales);
        for_each_four(ith, nth, m, weights, lda, [&](const block_q8_0 * const * rows, int64_t first, int64_t n_rows) {
            float products[N_WEIGHTS];
            multiply_bytes_once(k, rows, activations, quants, scales, products);
            std::copy(products, products + n_rows, out + first);
        });
        return true;
    }
    const int64_t n_parts = (n + N_TOGETHER - 1)/N_TOGETHER;  // of nearly equal size, so none is of one row
    for (int64_t part = 0; part < n_parts; ++part) {
        const int64_t first = n*part/n_parts, end = n*(part + 1)/n_parts;
        make_unsigned(activations + first*ldb, ldb, (int) (end - first), k, quants + first*k*N_BYTES, scales + first*k);
    }
    for_each_four(ith, nth, m, weights, lda, [&](const block_q8_0 * const * rows, int64_t first, int64_t n_rows) {
        for (int64_t part = 0; part < n_parts; ++part) {
            const int64_t start = n*part/n_parts, end = n*(part + 1)/n_parts;
            const Unsigned taken = {quants + start*k*N_BYTES, scales + start*k};
            float products[N_TOGETHER][N_WEIGHTS];
            MULTIPLY_BYTES[end - start - 1](k, rows, taken, products);
            for (int64_t r = start; r < end; ++r) {
                std::copy(products[r - start], products[r - start] + n_rows, out + r*ldc + first);
            }
        }
    });
    return true;
}

#endif
