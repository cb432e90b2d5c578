/* Products of Q8_0 weights with one row by AVX2 (bytes.h): ggml's way, whose instructions are the best here, too. */
#pragma once

#include <cstring>

namespace llamactl {

constexpr int64_t N_ROWS_MOST = 1;

/* Lanes start with nothing. */
static inline void make_starts(const block_q8_0 * row, int64_t n_blocks, uint8_t * starts, float * scales) {
    memset(starts, 0, n_blocks*N_BYTES);
    for (int64_t b = 0; b < n_blocks; ++b) {
        scales[b] = GGML_CPU_FP16_TO_FP32(row[b].d);
    }
}

/* What a block's lanes add up, with those of one row. */
static inline __m256i dot(__m256i weights, __m256i quants, __m256i start) {
    const __m256i pairs = _mm256_maddubs_epi16(_mm256_abs_epi8(weights), _mm256_sign_epi8(quants, weights));
    return _mm256_add_epi32(start, _mm256_madd_epi16(pairs, _mm256_set1_epi16(1)));
}

static inline bool multiply_many(int, int, int64_t, int64_t, int64_t, const block_q8_0 *, int64_t, const block_q8_0 *, int64_t,
                                 float *, int64_t, uint8_t *, float *) {
    return false;
}

}  // namespace llamactl
