/* Part of attend_lanes.h: eight lanes. */
#pragma once

namespace llamactl {

constexpr int N_LANES = 8;
constexpr int N_VALUES = 16;  // dimensions of values that are taken at a time: 8 of 16 registers for four heads

typedef __m256 Lanes;
typedef __m256d Doubles;  // half as many numbers

static inline Lanes all(float x) { return _mm256_set1_ps(x); }
static inline Lanes load(const float * from) { return _mm256_load_ps(from); }
static inline void store(float * to, Lanes x) { _mm256_store_ps(to, x); }
static inline Lanes add(Lanes x, Lanes y) { return _mm256_add_ps(x, y); }
static inline Lanes sub(Lanes x, Lanes y) { return _mm256_sub_ps(x, y); }
static inline Lanes mul(Lanes x, Lanes y) { return _mm256_mul_ps(x, y); }
static inline Lanes fmadd(Lanes x, Lanes y, Lanes z) { return _mm256_fmadd_ps(x, y, z); }
static inline Doubles all_double(double x) { return _mm256_set1_pd(x); }
static inline Doubles add(Doubles x, Doubles y) { return _mm256_add_pd(x, y); }
static inline Doubles mul(Doubles x, Doubles y) { return _mm256_mul_pd(x, y); }
static inline Doubles fmadd(Doubles x, Doubles y, Doubles z) { return _mm256_fmadd_pd(x, y, z); }
static inline Doubles fnmadd(Doubles x, Doubles y, Doubles z) { return _mm256_fnmadd_pd(x, y, z); }
static inline Doubles max(Doubles x, Doubles y) { return _mm256_max_pd(x, y); }
static inline Doubles to_whole(Doubles x) { return _mm256_round_pd(x, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC); }

/* x * 2^k for whole k from -1022 to 1023. */
static inline Doubles times_power(Doubles x, Doubles k) {
    const __m256i exponents = _mm256_add_epi64(_mm256_cvtepi32_epi64(_mm256_cvtpd_epi32(k)), _mm256_set1_epi64x(1023));
    return _mm256_mul_pd(x, _mm256_castsi256_pd(_mm256_slli_epi64(exponents, 52)));
}

static inline float greatest(Lanes x) {
    __m128 top = _mm_max_ps(_mm256_castps256_ps128(x), _mm256_extractf128_ps(x, 1));
    top = _mm_max_ps(top, _mm_movehl_ps(top, top));
    return _mm_cvtss_f32(_mm_max_ss(top, _mm_movehdup_ps(top)));
}

static inline Lanes load_half(const ggml_fp16_t * from) {
    return _mm256_cvtph_ps(load_eight(from));
}

/* The first eight numbers, which are all. */
static inline Lanes load_part(const ggml_fp16_t * from) {
    return load_half(from);
}

static inline void store_half(ggml_fp16_t * to, Lanes x) {
    _mm_store_si128((__m128i *) to, _mm256_cvtps_ph(x, _MM_FROUND_TO_NEAREST_INT));
}

static inline Lanes round_to_half(Lanes x) {
    return _mm256_cvtph_ps(_mm256_cvtps_ph(x, _MM_FROUND_TO_NEAREST_INT));
}

static inline Doubles lower(Lanes x) {
    return _mm256_cvtps_pd(_mm256_castps256_ps128(x));
}

static inline Doubles upper(Lanes x) {
    return _mm256_cvtps_pd(_mm256_extractf128_ps(x, 1));
}

static inline Lanes to_float(Doubles low, Doubles high) {
    return _mm256_set_m128(_mm256_cvtpd_ps(high), _mm256_cvtpd_ps(low));
}

/* The greater ones of top and the first n lanes of x. */
static inline Lanes greater(Lanes top, Lanes x, int n) {
    const __m256i used = _mm256_cmpgt_epi32(_mm256_set1_epi32(n), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
    return _mm256_max_ps(top, _mm256_blendv_ps(top, x, _mm256_castsi256_ps(used)));
}

/* The sums of the lanes of 8 vectors, each added up as ggml does it: halves, then neighbours, then those. */
static inline Lanes reduce_each(Lanes * v) {
    __m256 fours[4];  // of cells i and 4 + i
    for (int i = 0; i < 4; ++i) {
        fours[i] = _mm256_add_ps(_mm256_permute2f128_ps(v[i], v[4 + i], 0x20), _mm256_permute2f128_ps(v[i], v[4 + i], 0x31));
    }
    return _mm256_hadd_ps(_mm256_hadd_ps(fours[0], fours[1]), _mm256_hadd_ps(fours[2], fours[3]));
}

/* Dimensions d to d + 7 of the keys of 8 cells: numbers[k] has dimension d + k of each. */
static inline void turn_over(const ggml_fp16_t * const * keys, int d, Lanes * numbers) {
    __m128i pairs[8], fours[8];  // of neighbours among the cells
    for (int i = 0; i < 8; i += 2) {
        const __m128i x = load_eight(keys[i] + d), y = load_eight(keys[i + 1] + d);
        pairs[i] = _mm_unpacklo_epi16(x, y);
        pairs[i + 1] = _mm_unpackhi_epi16(x, y);
    }
    for (int i = 0; i < 8; i += 4) {
        for (int half = 0; half < 2; ++half) {
            fours[i + 2*half] = _mm_unpacklo_epi32(pairs[i + half], pairs[i + 2 + half]);
            fours[i + 2*half + 1] = _mm_unpackhi_epi32(pairs[i + half], pairs[i + 2 + half]);
        }
    }
    for (int i = 0; i < 4; ++i) {
        numbers[2*i] = _mm256_cvtph_ps(_mm_unpacklo_epi64(fours[i], fours[4 + i]));
        numbers[2*i + 1] = _mm256_cvtph_ps(_mm_unpackhi_epi64(fours[i], fours[4 + i]));
    }
}

}  // namespace llamactl
