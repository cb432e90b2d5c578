/* Products of repacked Q4_0 weights by AVX2 (multiply.h). Four products of 15 and 128 at most are added up in 16 bits, twice. */
#pragma once

namespace llamactl {

constexpr int N_COLUMNS = 8;  // that are taken together

/* The sums of eight numbers each, four times. */
static inline __m128i sums_of_eight(__m256i pairs) {
    const __m256i fours = _mm256_madd_epi16(pairs, _mm256_set1_epi16(1));
    return _mm_hadd_epi32(_mm256_castsi256_si128(fours), _mm256_extracti128_si256(fours, 1));
}

static inline __m256i pairs_of(const int8_t * quants) {
    return _mm256_maddubs_epi16(_mm256_set1_epi8(1), _mm256_loadu_si256((const __m256i *) quants));
}

/* What a column's sum starts with, for a block of each of R rows: -8 times the sum of its quants. */
template <int R>
static inline void make_starts(const Rows & rows, int row, int block, int32_t * to) {
    for (int r = 0; r < R; r += 4) {
        __m256i pairs = _mm256_setzero_si256();
        for (int i = 0; i < 4; ++i) {
            pairs = _mm256_add_epi16(pairs, pairs_of(rows.four(row + r, block).qs + i*32));
        }
        const __m128i sums = _mm_slli_epi32(sums_of_eight(pairs), 3);
        _mm_storeu_si128((__m128i *) (to + r), _mm_sub_epi32(_mm_setzero_si128(), sums));
    }
}

/* The same of one block. */
static inline int32_t start_of(const int8_t * quants) {
    __m128i sums = sums_of_eight(pairs_of(quants));
    sums = _mm_hadd_epi32(sums, sums);
    return -8*(_mm_cvtsi128_si32(sums) + _mm_extract_epi32(sums, 1));
}

static inline __m256i eight_everywhere(const int8_t * quants) {
    int64_t eight;
    memcpy(&eight, quants, sizeof(eight));
    return _mm256_set1_epi64x(eight);
}

/* The quants of eight columns of a block, unsigned: [i][0] holds eights i of the first four columns, [i][1] of the others. */
struct Weights8 {
    __m256i eights[4][2];

    explicit Weights8(const block_q4_0x8 & block) {
        const __m256i nibble = _mm256_set1_epi8(0x0F), flip = _mm256_set1_epi8((char) 0x88);
        for (int i = 0; i < 2; ++i) {
            for (int half = 0; half < 2; ++half) {
                // ggml stores them as signed nibbles
                const __m256i stored = _mm256_loadu_si256((const __m256i *) (block.qs + i*64 + half*32));
                const __m256i both = _mm256_xor_si256(stored, flip);
                eights[i][half] = _mm256_and_si256(both, nibble);
                eights[2 + i][half] = _mm256_and_si256(_mm256_srli_epi16(both, 4), nibble);
            }
        }
    }
};

/* The sums of eight columns, in the order in which they are left by the additions: 0, 1, 4, 5, 2, 3, 6, 7. quants: of a row,
 * eights stride apart. */
static inline __m256 dot(const Weights8 & weights, const int8_t * quants, int stride, int32_t start) {
    __m256i sums[2];
    for (int half = 0; half < 2; ++half) {
        __m256i products[4];
        for (int i = 0; i < 4; ++i) {
            products[i] = _mm256_maddubs_epi16(weights.eights[i][half], eight_everywhere(quants + i*stride));
        }
        sums[half] = _mm256_add_epi16(_mm256_add_epi16(products[0], products[1]), _mm256_add_epi16(products[2], products[3]));
    }
    const __m256i columns = _mm256_madd_epi16(_mm256_hadd_epi16(sums[0], sums[1]), _mm256_set1_epi16(1));
    return _mm256_cvtepi32_ps(_mm256_add_epi32(columns, _mm256_set1_epi32(start)));
}

/* The scales of eight columns, in that order. */
static inline __m256 scales_of(const block_q4_0x8 & block) {
    return _mm256_cvtph_ps(_mm_shuffle_epi32(_mm_loadu_si128((const __m128i *) block.d), _MM_SHUFFLE(3, 1, 2, 0)));
}

/* Out of that order. */
static inline void store(float * to, __m256 sums) {
    _mm256_storeu_ps(to, _mm256_castpd_ps(_mm256_permute4x64_pd(_mm256_castps_pd(sums), _MM_SHUFFLE(3, 1, 2, 0))));
}

/* R rows times 8 columns, four rows at a time: more sums than that don't fit into registers. starts: (n_blocks, R). to: R rows,
 * stride apart. */
template <int R>
static inline void multiply(int n_blocks, const block_q4_0x8 * weights, bool, const Rows & rows, int row, const int32_t * starts,
                            float * to, size_t stride) {
    for (int first = 0; first < R; first += 4) {
        __m256 sums[4];
        for (int r = 0; r < 4; ++r) {
            sums[r] = _mm256_setzero_ps();
        }
        for (int b = 0; b < n_blocks; ++b) {
            const Weights8 eight(weights[b]);
            const __m256 scales = scales_of(weights[b]);
            for (int r = 0; r < 4; ++r) {
                const __m256 products = dot(eight, rows.quants(row + first + r, b, 0), 32, starts[b*R + first + r]);
                const __m256 scale = _mm256_mul_ps(scales, _mm256_set1_ps(rows.scale(row + first + r, b)));
                sums[r] = _mm256_fmadd_ps(products, scale, sums[r]);
            }
        }
        for (int r = 0; r < 4; ++r) {
            store(to + (first + r)*stride, sums[r]);
        }
    }
}

/* One row, quantized by itself, times 8 columns. starts, scales: (n_blocks). */
static inline void multiply_one(int n_blocks, const block_q4_0x8 * weights, const block_q8_0 * row, const int32_t * starts,
                                const float * scales, float * to) {
    __m256 sums = _mm256_setzero_ps();
    for (int b = 0; b < n_blocks; ++b) {
        for (int line = 0; line < 3; ++line) {
            _mm_prefetch((const char *) (weights + b) + N_AHEAD + line*64, _MM_HINT_T0);
        }
        const __m256 products = dot(Weights8(weights[b]), row[b].qs, 8, starts[b]);
        sums = _mm256_fmadd_ps(products, _mm256_mul_ps(scales_of(weights[b]), _mm256_set1_ps(scales[b])), sums);
    }
    store(to, sums);
}

}  // namespace llamactl
