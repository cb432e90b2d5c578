/* Compiled into ggml's products of Q8_0 weights on x86 (hooks.cmake): by AVX-512's VNNI (bytes_vnni.h), for as many rows of
 * activations as fit into 128 KiB (227 rows of 576 numbers), or by AVX2 (bytes_avx2.h), for one.
 *
 * ggml takes four rows of weights and up to four of activations at a time, moves the sign of one factor to the other at each
 * use, and puts scales together one by one: with two rows it does three products a cycle. With VNNI two rows of weights lie
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

#if defined(__AVX512VNNI__) && defined(__AVX512BW__) && defined(__AVX512DQ__) && defined(__AVX512VL__)
#define LLAMACTL_BYTES "bytes_vnni.h"
#elif defined(__AVX2__) && defined(__F16C__) && defined(__FMA__)
#define LLAMACTL_BYTES "bytes_avx2.h"
#endif

#ifndef LLAMACTL_BYTES

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
constexpr int N_WEIGHTS = 4;            // rows of weights that are taken together, two in a register
constexpr int64_t N_HELD = 128 * 1024;  // bytes of activations that a thread holds at most
constexpr int N_FETCHED = 8;            // rows of weights from a row to what is fetched at the same time

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

#include LLAMACTL_BYTES

namespace llamactl {

/* Four rows of weights times one of activations. */
static inline void multiply_bytes_once(int64_t n_blocks, const block_q8_0 * const * weights, const block_q8_0 * row,
                                       const uint8_t * starts, const float * scales, float * to) {
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
            const __m256 products = _mm256_cvtepi32_ps(dot(_mm256_loadu_si256((const __m256i *) block.qs), quants, start));
            const __m256 scale = _mm256_set1_ps(GGML_CPU_FP16_TO_FP32(block.d)*scales[b]);
            sums[w] = _mm256_fmadd_ps(scale, products, sums[w]);
        }
    }
    for (int w = 0; w < N_WEIGHTS; ++w) {
        to[w] = add_lanes(sums[w]);
    }
}

}  // namespace llamactl

/* A part of C = A B, for thread ith of nth: A (m, k), weights, and B (n, k), activations, in blocks of Q8_0; C (n, m). Strides in
 * blocks and floats. False: they are more rows than that, and left to ggml, for all threads alike. */
static bool llamactl_multiply_q8_0(int ith, int nth, int64_t m, int64_t n, int64_t k, const void * a, int64_t lda,
                                   const void * b, int64_t ldb, void * c, int64_t ldc) {
    using namespace llamactl;
    if (n > N_ROWS_MOST || n*k*N_BYTES > N_HELD) {
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
    return multiply_many(ith, nth, m, n, k, weights, lda, activations, ldb, out, ldc, quants, scales);
}

#endif
