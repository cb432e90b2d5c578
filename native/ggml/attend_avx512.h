/* Part of attend_lanes.h: sixteen lanes. */
#pragma once

namespace llamactl {

constexpr int N_LANES = 16;
constexpr int N_VALUES = 64;  // dimensions of values that are taken at a time: 16 registers for four heads

typedef __m512 Lanes;
typedef __m512d Doubles;  // half as many numbers

static inline Lanes all(float x) { return _mm512_set1_ps(x); }
static inline Lanes load(const float * from) { return _mm512_load_ps(from); }
static inline void store(float * to, Lanes x) { _mm512_store_ps(to, x); }
static inline Lanes add(Lanes x, Lanes y) { return _mm512_add_ps(x, y); }
static inline Lanes sub(Lanes x, Lanes y) { return _mm512_sub_ps(x, y); }
static inline Lanes mul(Lanes x, Lanes y) { return _mm512_mul_ps(x, y); }
static inline Lanes fmadd(Lanes x, Lanes y, Lanes z) { return _mm512_fmadd_ps(x, y, z); }
static inline Doubles all_double(double x) { return _mm512_set1_pd(x); }
static inline Doubles add(Doubles x, Doubles y) { return _mm512_add_pd(x, y); }
static inline Doubles mul(Doubles x, Doubles y) { return _mm512_mul_pd(x, y); }
static inline Doubles fmadd(Doubles x, Doubles y, Doubles z) { return _mm512_fmadd_pd(x, y, z); }
static inline Doubles fnmadd(Doubles x, Doubles y, Doubles z) { return _mm512_fnmadd_pd(x, y, z); }
static inline Doubles max(Doubles x, Doubles y) { return _mm512_max_pd(x, y); }
static inline Doubles to_whole(Doubles x) { return _mm512_roundscale_pd(x, 0); }
static inline Doubles times_power(Doubles x, Doubles k) { return _mm512_scalef_pd(x, k); }
static inline float greatest(Lanes x) { return _mm512_reduce_max_ps(x); }

static inline Lanes load_half(const ggml_fp16_t * from) {
    return _mm512_cvtph_ps(_mm256_loadu_si256((const __m256i *) from));
}

/* The first eight numbers. */
static inline Lanes load_part(const ggml_fp16_t * from) {
    return _mm512_cvtph_ps(_mm256_zextsi128_si256(load_eight(from)));
}

static inline void store_half(ggml_fp16_t * to, Lanes x) {
    _mm256_store_si256((__m256i *) to, _mm512_cvtps_ph(x, _MM_FROUND_TO_NEAREST_INT));
}

static inline Lanes round_to_half(Lanes x) {
    return _mm512_cvtph_ps(_mm512_cvtps_ph(x, _MM_FROUND_TO_NEAREST_INT));
}

static inline Doubles lower(Lanes x) {
    return _mm512_cvtps_pd(_mm512_castps512_ps256(x));
}

static inline Doubles upper(Lanes x) {
    return _mm512_cvtps_pd(_mm256_castpd_ps(_mm512_extractf64x4_pd(_mm512_castps_pd(x), 1)));
}

static inline Lanes to_float(Doubles low, Doubles high) {
    const __m512 first = _mm512_castps256_ps512(_mm512_cvtpd_ps(low));
    return _mm512_castpd_ps(_mm512_insertf64x4(_mm512_castps_pd(first), _mm256_castps_pd(_mm512_cvtpd_ps(high)), 1));
}

/* The greater ones of top and the first n lanes of x. */
static inline Lanes greater(Lanes top, Lanes x, int n) {
    const __mmask16 used = n >= N_LANES ? 0xFFFF : (__mmask16) ((1u << n) - 1);
    return _mm512_mask_max_ps(top, used, top, x);
}

/* The sums of the lanes of 16 vectors, each added up as _mm512_reduce_add_ps does it. */
static inline Lanes reduce_each(Lanes * v) {
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
static inline void turn_over(const ggml_fp16_t * const * keys, int d, Lanes * numbers) {
    __m512i rows[4];  // a cell in each quarter: i, 4 + i, 8 + i, 12 + i
    for (int i = 0; i < 4; ++i) {
        const auto eight = [=](int cell) { return load_eight(keys[cell] + d); };
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

}  // namespace llamactl
