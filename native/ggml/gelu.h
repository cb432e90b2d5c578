/* Compiled into ggml's operations on processors (hooks.cmake): GELU by AVX-512.
 *
 * ggml looks each number up in a table of 65,536 halves, one after the other, with two branches and two conversions each.
 * Here sixteen are converted and looked up together, in the same table: the result is the same, bit for bit. */
#pragma once

#include "vec.h"

#if defined(__AVX512F__) && defined(GGML_GELU_FP16)

#include <immintrin.h>

static inline __m512 llamactl_gelu_16(__m512 x) {
    const __m512i half = _mm512_cvtepu16_epi32(_mm512_cvtps_ph(x, _MM_FROUND_TO_NEAREST_INT));
    // four bytes are read for each: the last two of the table come with the last but one, which is no number either
    const __m512i place = _mm512_min_epu32(half, _mm512_set1_epi32(0xFFFE));
    const __m512i found = _mm512_i32gather_epi32(place, ggml_table_gelu_f16, 2);
    const __m512 y = _mm512_cvtph_ps(_mm512_cvtepi32_epi16(found));
    const __mmask16 is_large = _mm512_cmp_ps_mask(x, _mm512_set1_ps(10.0f), _CMP_GE_OQ);
    const __mmask16 is_zero = _mm512_cmp_ps_mask(x, _mm512_set1_ps(-10.0f), _CMP_LE_OQ);
    return _mm512_maskz_mov_ps(_knot_mask16(is_zero), _mm512_mask_mov_ps(y, is_large, x));
}

static inline void llamactl_gelu(int n, float * y, const float * x) {
    int i = 0;
    for (; i + 16 <= n; i += 16) {
        _mm512_storeu_ps(y + i, llamactl_gelu_16(_mm512_loadu_ps(x + i)));
    }
    ggml_vec_gelu_f32(n - i, y + i, x + i);
}

#else

static inline void llamactl_gelu(int n, float * y, const float * x) {
    ggml_vec_gelu_f32(n, y, x);
}

#endif
