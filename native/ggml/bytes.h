/* Compiled into ggml's products of Q8_0 weights on x86 (hooks.cmake): by AVX-512's VNNI, for as many rows of activations as
 * fit into 128 KiB (227 rows of 576 numbers).
 *
 * ggml takes four rows of weights and up to four of activations at a time, moves the sign of one factor to the other at each
 * use, and puts scales together one by one: with two rows it does three products a cycle. Here two rows of weights lie
 * in one register and are used for up to eight rows of activations. These are made unsigned once, as a + 128; 128 times
 * the sum of the weights is subtracted, which is one number a lane and block.
 *
 * The sums of a block are integers, so exact, and the lanes are scaled, added up over the blocks and added together in ggml's
 * order with ggml's rounding: the result is the same, bit for bit. */
#pragma once

#if !defined(__AVX512VNNI__) || !defined(__AVX512BW__)

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

/* The eight lanes of each half, added together as ggml does it. */
static inline void add_lanes(__m512 x, float & low, float & high) {
    const __m256 halves[2] = {_mm512_castps512_ps256(x), _mm512_extractf32x8_ps(x, 1)};
    float sums[2];
    for (int i = 0; i < 2; ++i) {
        __m128 sum = _mm_add_ps(_mm256_extractf128_ps(halves[i], 1), _mm256_castps256_ps128(halves[i]));
        sum = _mm_add_ps(sum, _mm_movehl_ps(sum, sum));
        sums[i] = _mm_cvtss_f32(_mm_add_ss(sum, _mm_movehdup_ps(sum)));
    }
    low = sums[0];
    high = sums[1];
}

/* Four rows of weights times R of activations. next: rows that will be wanted soon. to: (R, 4). */
template <int R>
static inline void multiply_bytes(int64_t n_blocks, const block_q8_0 * const * weights, const block_q8_0 * const * next,
                                  const Unsigned & rows, float (*to)[N_WEIGHTS]) {
    const __m512i most = _mm512_set1_epi8((char) 0x80);
    __m512 sums[2][R];
    for (int r = 0; r < R; ++r) {
        sums[0][r] = sums[1][r] = _mm512_setzero_ps();
    }
    for (int64_t b = 0; b < n_blocks; ++b) {
        __m512i quants[2], starts[2];
        __m512 scales[2];
        for (int w = 0; w < 2; ++w) {
            const block_q8_0 & low = weights[2*w][b], & high = weights[2*w + 1][b];
            _mm_prefetch((const char *) (next[2*w] + b), _MM_HINT_T0);
            _mm_prefetch((const char *) (next[2*w + 1] + b), _MM_HINT_T0);
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
        add_lanes(sums[0][r], to[r][0], to[r][1]);
        add_lanes(sums[1][r], to[r][2], to[r][3]);
    }
}

typedef void (*MultiplyBytes)(int64_t, const block_q8_0 * const *, const block_q8_0 * const *, const Unsigned &,
                              float (*)[N_WEIGHTS]);

static const MultiplyBytes MULTIPLY_BYTES[] = {
    multiply_bytes<1>, multiply_bytes<2>, multiply_bytes<3>, multiply_bytes<4>,
    multiply_bytes<5>, multiply_bytes<6>, multiply_bytes<7>, multiply_bytes<8>,
};

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
    float * const scales = scales_held.data();
    const block_q8_0 * weights = (const block_q8_0 *) a;
    const block_q8_0 * activations = (const block_q8_0 *) b;
    const int64_t n_parts = (n + N_TOGETHER - 1)/N_TOGETHER;  // of nearly equal size
    for (int64_t part = 0; part < n_parts; ++part) {
        const int64_t first = n*part/n_parts, end = n*(part + 1)/n_parts;
        make_unsigned(activations + first*ldb, ldb, (int) (end - first), k, quants + first*k*N_BYTES, scales + first*k);
    }
    const int64_t n_fours = (m + N_WEIGHTS - 1)/N_WEIGHTS;
    for (int64_t four = n_fours*ith/nth; four < n_fours*(ith + 1)/nth; ++four) {
        const block_q8_0 * rows[N_WEIGHTS], * next[N_WEIGHTS];
        for (int64_t i = 0; i < N_WEIGHTS; ++i) {
            rows[i] = weights + std::min(four*N_WEIGHTS + i, m - 1)*lda;
            next[i] = weights + std::min((four + 1)*N_WEIGHTS + i, m - 1)*lda;
        }
        for (int64_t part = 0; part < n_parts; ++part) {
            const int64_t first = n*part/n_parts, end = n*(part + 1)/n_parts;
            const Unsigned taken = {quants + first*k*N_BYTES, scales + first*k};
            float products[N_TOGETHER][N_WEIGHTS];
            MULTIPLY_BYTES[end - first - 1](k, rows, next, taken, products);
            for (int64_t r = first; r < end; ++r) {
                for (int64_t i = four*N_WEIGHTS; i < std::min((four + 1)*N_WEIGHTS, m); ++i) {
                    ((float *) c)[r*ldc + i] = products[r - first][i % N_WEIGHTS];
                }
            }
        }
    }
    return true;
}

#endif
