/* Products of Q8_0 weights by AVX-512's VNNI (bytes.h). */
#pragma once

namespace llamactl {

constexpr int N_TOGETHER = 8;           // rows of activations that are taken together at most
constexpr int64_t N_ROWS_MOST = INT64_MAX;

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

/* What a block's lanes add up, with those of one row. */
static inline __m256i dot(__m256i weights, __m256i quants, __m256i start) {
    return _mm256_dpbusd_epi32(start, _mm256_xor_si256(weights, _mm256_set1_epi8((char) 0x80)), quants);
}

typedef void (*MultiplyBytes)(int64_t, const block_q8_0 * const *, const Unsigned &, float (*)[N_WEIGHTS]);

static const MultiplyBytes MULTIPLY_BYTES[] = {
    nullptr, multiply_bytes<2>, multiply_bytes<3>, multiply_bytes<4>,
    multiply_bytes<5>, multiply_bytes<6>, multiply_bytes<7>, multiply_bytes<8>,
};

/* See llamactl_multiply_q8_0: two rows or more. quants, scales: room for N_HELD bytes of them. */
static inline bool multiply_many(int ith, int nth, int64_t m, int64_t n, int64_t k, const block_q8_0 * weights, int64_t lda,
                                 const block_q8_0 * activations, int64_t ldb, float * out, int64_t ldc, uint8_t * quants,
                                 float * scales) {
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

}  // namespace llamactl
