/* Compiled into ggml's attention on processors (hooks.cmake): where the next cell is that a row may look at.
 *
 * In a buffer that all sequences share, most cells belong to others and are masked. ggml looks at each of them on its own,
 * for every row, head and layer: a nanosecond a cell, an eighth of a step with eight streams. Here they are passed over
 * four at a time. What is computed is the same, bit for bit. */
#pragma once

#include <cstdint>
#include <cstring>

/* Half precision's minus infinity, in which masks are written; four of them. */
static const uint16_t LLAMACTL_MASKED = 0xFC00;
static const uint64_t LLAMACTL_FOUR_MASKED = 0xFC00FC00FC00FC00;

/* The first cell after ic that is not masked, or end. mask: of one row, (end,) half precision. */
static inline int64_t llamactl_next_seen(const uint16_t * mask, int64_t ic, int64_t end) {
    ++ic;
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
