/* A matrix of 16 x 16 numbers of 32 bits turned over, in registers (AVX-512). */
#pragma once

#ifdef __AVX512F__

#include <immintrin.h>

namespace llamactl {

static inline void transpose(__m512i * rows) {
    __m512i t[16], u[16];
    for (int i = 0; i < 16; i += 2) {
        t[i] = _mm512_unpacklo_epi32(rows[i], rows[i + 1]);
        t[i + 1] = _mm512_unpackhi_epi32(rows[i], rows[i + 1]);
    }
    for (int i = 0; i < 16; i += 4) {
        u[i] = _mm512_unpacklo_epi64(t[i], t[i + 2]);
        u[i + 1] = _mm512_unpackhi_epi64(t[i], t[i + 2]);
        u[i + 2] = _mm512_unpacklo_epi64(t[i + 1], t[i + 3]);
        u[i + 3] = _mm512_unpackhi_epi64(t[i + 1], t[i + 3]);
    }
    // u[i + c] holds column 4L + c of rows i to i + 3 in its quarter L
    for (int c = 0; c < 4; ++c) {
        const __m512i even = _mm512_shuffle_i32x4(u[c], u[4 + c], 0x88), odd = _mm512_shuffle_i32x4(u[c], u[4 + c], 0xDD);
        const __m512i even2 = _mm512_shuffle_i32x4(u[8 + c], u[12 + c], 0x88);
        const __m512i odd2 = _mm512_shuffle_i32x4(u[8 + c], u[12 + c], 0xDD);
        rows[c] = _mm512_shuffle_i32x4(even, even2, 0x88);
        rows[4 + c] = _mm512_shuffle_i32x4(odd, odd2, 0x88);
        rows[8 + c] = _mm512_shuffle_i32x4(even, even2, 0xDD);
        rows[12 + c] = _mm512_shuffle_i32x4(odd, odd2, 0xDD);
    }
}

} // namespace llamactl

#endif
