/* Compiled into ggml's attention of many rows on processors (hooks.cmake): what a tile of 64 x 64 costs beside its products.
 *
 * For each tile of rows and cells, head and layer ggml widens the mask number by number, also to find out that none of the
 * cells is seen, and turns the keys over number by number. In a buffer that all sequences share most tiles are not seen at
 * all: 600 tokens beside 5,000 cells of others took nearly twice as long as alone. Here 32 numbers of a mask are looked at and sixteen
 * keys turned over at a time. What is computed is the same, bit for bit. */
#pragma once

#include "masked.h"
#include "transpose.h"

#ifndef __AVX512BW__

static inline bool llamactl_take_mask(const ggml_tensor *, int64_t, int64_t, int64_t, int64_t, int, int, int, float, float *,
                                      bool *) {
    return false;
}

static inline bool llamactl_take_keys(const ggml_tensor *, int64_t, int64_t, int64_t, int, int64_t, int, float *) {
    return false;
}

#else

#include <cmath>

/* The mask of n_rows from row on and n_cells from cell on, times slope. to: (n_rows, width), minus infinity behind n_cells.
 * is_seen: whether there is a cell that a row looks at; if not, nothing is written. mask: null if all is seen. */
static inline bool llamactl_take_mask(const ggml_tensor * mask, int64_t row, int64_t head, int64_t i3, int64_t cell, int n_rows,
                                      int n_cells, int width, float slope, float * to, bool * is_seen) {
    if (width % 32 != 0) {
        return false;
    }
    *is_seen = mask == nullptr;
    if (!mask) {
        return true;
    }
    const char * first = (const char *) mask->data + row*mask->nb[1] + head%mask->ne[2]*mask->nb[2] + i3%mask->ne[3]*mask->nb[3];
    const auto used = [=](int at) -> uint32_t { return n_cells - at >= 32 ? ~0u : n_cells > at ? (1u << (n_cells - at)) - 1 : 0; };
    const auto at = [=](int r, int c) { return (const ggml_fp16_t *) (first + r*mask->nb[1]) + cell + c; };
    const __m512i masked = _mm512_set1_epi16((short) LLAMACTL_MASKED);
    for (int r = 0; r < n_rows && !*is_seen; ++r) {
        for (int c = 0; c < n_cells; c += 32) {
            const __m512i values = _mm512_maskz_loadu_epi16(used(c), at(r, c));
            *is_seen |= _mm512_mask_cmpneq_epi16_mask(used(c), values, masked) != 0;
        }
    }
    if (!*is_seen) {
        return true;
    }
    const __m512 nothing = _mm512_set1_ps(-INFINITY), by = _mm512_set1_ps(slope);
    for (int r = 0; r < n_rows; ++r) {
        for (int c = 0; c < width; c += 32) {
            const __m512i values = _mm512_maskz_loadu_epi16(used(c), at(r, c));
            const __m512 low = _mm512_cvtph_ps(_mm512_castsi512_si256(values));
            const __m512 high = _mm512_cvtph_ps(_mm512_extracti64x4_epi64(values, 1));
            _mm512_storeu_ps(to + r*width + c, _mm512_mask_mul_ps(nothing, (__mmask16) used(c), low, by));
            _mm512_storeu_ps(to + r*width + c + 16, _mm512_mask_mul_ps(nothing, (__mmask16) (used(c) >> 16), high, by));
        }
    }
    return true;
}

/* Keys of n_cells from cell on, of one head, turned over. to: (n_dims, width). */
static inline bool llamactl_take_keys(const ggml_tensor * keys, int64_t cell, int64_t head, int64_t i3, int n_cells, int64_t n_dims,
                                      int width, float * to) {
    if (keys->type != GGML_TYPE_F16 || n_cells % 16 != 0 || n_dims % 16 != 0) {
        return false;
    }
    const char * first = (const char *) keys->data + cell*keys->nb[1] + head*keys->nb[2] + i3*keys->nb[3];
    for (int c = 0; c < n_cells; c += 16) {
        for (int64_t d = 0; d < n_dims; d += 16) {
            __m512i rows[16];
            for (int i = 0; i < 16; ++i) {
                const ggml_fp16_t * key = (const ggml_fp16_t *) (first + (c + i)*keys->nb[1]) + d;
                rows[i] = _mm512_castps_si512(_mm512_cvtph_ps(_mm256_loadu_si256((const __m256i *) key)));
            }
            llamactl::transpose(rows);
            for (int i = 0; i < 16; ++i) {
                _mm512_storeu_si512(to + (d + i)*width + c, rows[i]);
            }
        }
    }
    return true;
}

#endif
