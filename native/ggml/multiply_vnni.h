/* Products of repacked Q4_0 weights by AVX-512's VNNI (multiply.h). */
#pragma once

namespace llamactl {

constexpr int N_COLUMNS = 16;  // that are taken together

static inline __m512i sums_of_four(__m512i sums, __m512i quants) {
    return _mm512_dpbusd_epi32(sums, _mm512_set1_epi8(1), quants);
}

/* What each of a column's two sums starts with, for a block of each of R rows: half of -8 times the sum of its quants. */
template <int R>
static inline void make_starts(const Rows & rows, int row, int block, int32_t * to) {
    for (int r = 0; r < R; r += 4) {
        const int8_t * quants = rows.four(row + r, block).qs;
        __m512i sums = sums_of_four(_mm512_setzero_si512(), _mm512_loadu_si512(quants));
        sums = sums_of_four(sums, _mm512_loadu_si512(quants + 64));
        // two numbers for each row, and the four rows twice
        const __m256i pairs = _mm256_add_epi32(_mm512_castsi512_si256(sums), _mm512_extracti64x4_epi64(sums, 1));
        const __m128i four = _mm_hadd_epi32(_mm256_castsi256_si128(pairs), _mm256_extracti128_si256(pairs, 1));
        _mm_store_si128((__m128i *) (to + r), _mm_sub_epi32(_mm_setzero_si128(), _mm_slli_epi32(four, 2)));
    }
}

/* The same of one block. */
static inline int32_t start_of(const int8_t * quants) {
    const __m256i x = _mm256_loadu_si256((const __m256i *) quants);
    return -4*_mm512_reduce_add_epi32(sums_of_four(_mm512_setzero_si512(), _mm512_zextsi256_si512(x)));
}

static inline __m512i eight_everywhere(const int8_t * quants) {
    int64_t eight;
    memcpy(&eight, quants, sizeof(eight));
    return _mm512_set1_epi64(eight);
}

/* The quants of eight columns of a block, unsigned: [i] holds eights i of each column, in the order of the columns. */
struct Weights8 {
    __m512i eights[4];

    explicit Weights8(const block_q4_0x8 & block) {
        const __m512i nibble = _mm512_set1_epi8(0x0F), flip = _mm512_set1_epi8((char) 0x88);
        for (int i = 0; i < 2; ++i) {
            // ggml stores them as signed nibbles
            const __m512i both = _mm512_xor_si512(_mm512_loadu_si512(block.qs + i*64), flip);
            eights[i] = _mm512_and_si512(both, nibble);
            eights[2 + i] = _mm512_and_si512(_mm512_srli_epi16(both, 4), nibble);
        }
    }
};

/* R rows times 16 columns, or 8 if first are the last ones. starts: (n_blocks, R). to: R rows, stride apart. */
template <int R>
static inline void multiply(int n_blocks, const block_q4_0x8 * first, bool is_last, const Rows & rows, int row,
                            const int32_t * starts, float * to, size_t stride) {
    // what the additions below make of the columns of first (0 to 7) and second (8 to 15), and the way back
    const __m512i pairs = _mm512_setr_epi32(0, 1, 8, 9, 2, 3, 10, 11, 4, 5, 12, 13, 6, 7, 14, 15);
    const __m512i back = _mm512_setr_epi32(0, 1, 4, 5, 8, 9, 12, 13, 2, 3, 6, 7, 10, 11, 14, 15);
    const block_q4_0x8 * second = is_last ? first : first + n_blocks;
    __m512 sums[R];
    for (int r = 0; r < R; ++r) {
        sums[r] = _mm512_setzero_ps();
    }
    for (int b = 0; b < n_blocks; ++b) {
        const Weights8 left(first[b]), right(second[b]);
        const __m256i halves = _mm256_set_m128i(_mm_loadu_si128((const __m128i *) second[b].d),
                                                _mm_loadu_si128((const __m128i *) first[b].d));
        const __m512 scales = _mm512_permutexvar_ps(pairs, _mm512_cvtph_ps(halves));
        for (int r = 0; r < R; ++r) {
            __m512i a = _mm512_set1_epi32(starts[b*R + r]), c = a;
            for (int i = 0; i < 4; ++i) {
                const __m512i quants = eight_everywhere(rows.quants(row + r, b, i));
                a = _mm512_dpbusd_epi32(a, left.eights[i], quants);
                c = _mm512_dpbusd_epi32(c, right.eights[i], quants);
            }
            const __m512 x = _mm512_castsi512_ps(a), y = _mm512_castsi512_ps(c);
            const __m512i even = _mm512_castps_si512(_mm512_shuffle_ps(x, y, 0x88));
            const __m512i odd = _mm512_castps_si512(_mm512_shuffle_ps(x, y, 0xDD));
            const __m512 products = _mm512_cvtepi32_ps(_mm512_add_epi32(even, odd));
            const __m512 scale = _mm512_mul_ps(scales, _mm512_set1_ps(rows.scale(row + r, b)));
            sums[r] = _mm512_fmadd_ps(products, scale, sums[r]);
        }
    }
    const __mmask16 wanted = is_last ? 0x00FF : 0xFFFF;
    for (int r = 0; r < R; ++r) {
        _mm512_mask_storeu_ps(to + r*stride, wanted, _mm512_permutexvar_ps(back, sums[r]));
    }
}

/* The two sums of each of 8 columns of a block with one row's quants, as floats that still have to be added up. */
static inline __m512i dot_one(const Weights8 & weights, const int8_t * quants, __m512i sums) {
    for (int i = 0; i < 4; ++i) {
        sums = _mm512_dpbusd_epi32(sums, weights.eights[i], eight_everywhere(quants + i*8));
    }
    return sums;
}

/* One row, quantized by itself, times 8 columns. The weights are read once, in the order in which they lie in memory, so two
 * blocks of the same columns are taken together. starts: (n_blocks), as above. */
static inline void multiply_one(int n_blocks, const block_q4_0x8 * weights, const block_q8_0 * row, const int32_t * starts,
                                const float * scales, float * to) {
    // what the additions below make of the columns of two blocks
    const __m512i back = _mm512_setr_epi32(0, 1, 4, 5, 8, 9, 12, 13, 2, 3, 6, 7, 10, 11, 14, 15);
    __m256 sums = _mm256_setzero_ps();
    for (int b = 0; b < n_blocks; b += 2) {
        const int c = b + 1 < n_blocks ? b + 1 : b;
        _mm_prefetch((const char *) (weights + b) + N_AHEAD, _MM_HINT_T0);
        _mm_prefetch((const char *) (weights + b) + N_AHEAD + 64, _MM_HINT_T0);
        _mm_prefetch((const char *) (weights + b) + N_AHEAD + 128, _MM_HINT_T0);
        _mm_prefetch((const char *) (weights + b) + N_AHEAD + 192, _MM_HINT_T0);
        const __m512 x = _mm512_castsi512_ps(dot_one(Weights8(weights[b]), row[b].qs, _mm512_set1_epi32(starts[b])));
        const __m512 y = _mm512_castsi512_ps(dot_one(Weights8(weights[c]), row[c].qs, _mm512_set1_epi32(starts[c])));
        const __m512i even = _mm512_castps_si512(_mm512_shuffle_ps(x, y, 0x88));
        const __m512i odd = _mm512_castps_si512(_mm512_shuffle_ps(x, y, 0xDD));
        const __m512 products = _mm512_permutexvar_ps(back, _mm512_cvtepi32_ps(_mm512_add_epi32(even, odd)));
        const __m256i halves = _mm256_set_m128i(_mm_loadu_si128((const __m128i *) weights[c].d),
                                                _mm_loadu_si128((const __m128i *) weights[b].d));
        const __m512 rows = _mm512_insertf32x8(_mm512_set1_ps(scales[b]), _mm256_set1_ps(scales[c]), 1);
        const __m512 scale = _mm512_mul_ps(_mm512_cvtph_ps(halves), rows);
        sums = _mm256_fmadd_ps(_mm512_castps512_ps256(products), _mm512_castps512_ps256(scale), sums);
        if (c != b) {
            sums = _mm256_fmadd_ps(_mm512_extractf32x8_ps(products, 1), _mm512_extractf32x8_ps(scale, 1), sums);
        }
    }
    _mm256_storeu_ps(to, sums);
}

}  // namespace llamactl
