/* Compiled into ggml's attention on processors (hooks.cmake): where the next cell is that a row may look at.
 *
 * In a buffer that all sequences share, most cells belong to others and are masked. ggml looks at each of them on its own,
 * for every row, head and layer: a nanosecond a cell, an eighth of a step with eight streams. Here they are passed over
 * 32 at a time by AVX-512, else four. What is computed is the same, bit for bit. */
#pragma once

#include <cstdint>
#include <cstring>

#ifdef __AVX512BW__
#include <immintrin.h>
#endif

/* Half precision's minus infinity, in which masks are written; four of them. */
static const uint16_t LLAMACTL_MASKED = 0xFC00;
static const uint64_t LLAMACTL_FOUR_MASKED = 0xFC00FC00FC00FC00;

/* The first cell after ic that is not masked, or end. mask: of one row, (end,) half precision. */
static inline int64_t llamactl_next_seen(const uint16_t * mask, int64_t ic, int64_t end) {
    ++ic;
#ifdef __AVX512BW__
    for (; ic + 32 <= end; ic += 32) {
        const __m512i masked = _mm512_set1_epi16((short) LLAMACTL_MASKED);
        const __mmask32 seen = _mm512_cmpneq_epi16_mask(_mm512_loadu_si512(mask + ic), masked);
        if (seen != 0) {
            return ic + __builtin_ctz(seen);
        }
    }
#endif
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    for (; ic + 4 <= end; ic += 4) {
        uint64_t four;
        memcpy(&four, mask + ic, sizeof(four));
        four ^= LLAMACTL_FOUR_MASKED;
        if (four != 0) {
            return ic + __builtin_ctzll(four) / 16;
        }
    }
#endif
    while (ic < end && mask[ic] == LLAMACTL_MASKED) {
        ++ic;
    }
    return ic;
}
