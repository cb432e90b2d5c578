/* Compiled into ggml's products of F16 matrices on x86 (by halves.h): whole numbers in place of floats, by AVX-512's VNNI.
 *
 * A processor of today multiplies twice as many numbers of 16 bits as floats in the same time. Both factors are written as whole
 * numbers of up to 8,191 times a factor for each 32 of them; 32 products of such numbers and their sum fit into 31 bits, so
 * nothing is lost but by that rounding. It is of the size of ggml's own, which rounds activations to eleven bits each, as long
 * as no number of the 32 is far larger than the others and of no weight.
 *
 * Results differ from ggml's in the fourth digit. That is no harm to an encoder's embedding, and could be another word to a
 * text; so it is done only where llamactl_fixed_point says so, which must not change while any thread computes. */
#pragma once

#include "transpose.h"

#if !defined(__AVX512VNNI__) || !defined(__AVX512BW__)

static inline bool llamactl_multiply_fixed(const struct ggml_compute_params *, int64_t, int64_t, int64_t,
                                           const void *, int64_t, const void *, int64_t, void *, int64_t) {
    return false;
}

#else

#include <immintrin.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <vector>

/* Whether products of F16 weights may be made in fixed point; who loads the library sets it. */
extern "C" __attribute__((visibility("default"))) int llamactl_fixed_point;
int llamactl_fixed_point = 0;

namespace llamactl {
namespace fixed {

constexpr int BLOCK = 32;                       // numbers that share a factor
constexpr int PAIRS = BLOCK/2;                  // two numbers of 16 bits are multiplied and added at once
constexpr float MOST = 8191.0f;                 // 32*8191*8191 < 2^31
constexpr int PANEL_ROWS = 32;                  // rows of weights: two registers of sums
constexpr int TILE_TOKENS = 6;                  // rows of activations in a tile: twelve sums, and twelve of floats
constexpr int64_t TOKENS_LEAST = 24;            // fewer, and writing the weights anew costs too much
constexpr int64_t EACH_MOST = 8192;             // numbers in a row: a panel of them fits into a core's cache
constexpr int64_t PIECE_NUMBERS = 384*1024;     // activations: 768 KiB
constexpr float LEAST = 1e-30f;                 // ggml has zeros long before; above, the factor's inverse is a number
constexpr uint32_t NO_NUMBER = 0x7F800000;      // the bits of infinity; NaN has more

struct Floats32 {
    __m512 low, high;

    explicit Floats32(const float * from) : low(_mm512_loadu_ps(from)), high(_mm512_loadu_ps(from + 16)) {}
    explicit Floats32(const ggml_fp16_t * from)
        : low(_mm512_cvtph_ps(_mm256_loadu_si256((const __m256i *) from))),
          high(_mm512_cvtph_ps(_mm256_loadu_si256((const __m256i *) (from + 16)))) {}
};

/* 32 numbers as 32 of 16 bits and their factor, which is NaN if one of them is no number. */
static inline __m512i rounded(const Floats32 & x, float & factor) {
    const __m512i sign = _mm512_set1_epi32(0x7FFFFFFF);
    const __m512i low = _mm512_and_si512(_mm512_castps_si512(x.low), sign);
    const __m512i high = _mm512_and_si512(_mm512_castps_si512(x.high), sign);
    const uint32_t bits = _mm512_reduce_max_epu32(_mm512_max_epu32(low, high));
    const float most = _mm_cvtss_f32(_mm_castsi128_ps(_mm_cvtsi32_si128((int) bits)));
    if (bits >= NO_NUMBER || most < LEAST) {
        factor = bits >= NO_NUMBER ? NAN : 0.0f;
        return _mm512_setzero_si512();
    }
    factor = most/MOST;
    const __m512 by = _mm512_set1_ps(MOST/most);
    const __m256i first = _mm512_cvtsepi32_epi16(_mm512_cvtps_epi32(_mm512_mul_ps(x.low, by)));
    const __m256i second = _mm512_cvtsepi32_epi16(_mm512_cvtps_epi32(_mm512_mul_ps(x.high, by)));
    return _mm512_inserti64x4(_mm512_castsi256_si512(first), second, 1);
}

/* n rows of k activations, stride apart. to: (n, k), factors: (n, k/32). */
static inline void round_tokens(const float * from, int64_t stride, int64_t n, int64_t k, int16_t * to, float * factors) {
    for (int64_t row = 0; row < n; ++row) {
        for (int64_t at = 0; at < k; at += BLOCK) {
            _mm512_storeu_si512(to + row*k + at, rounded(Floats32(from + row*stride + at), *factors++));
        }
    }
}

/* Up to 32 rows of k weights, stride apart, those that are missing zero. to: (k/2, 32) pairs, factors: (k/32, 32). */
static inline void round_weights(const ggml_fp16_t * from, int64_t stride, int64_t n, int64_t k, int16_t * to, float * factors) {
    for (int64_t block = 0; block < k/BLOCK; ++block, factors += PANEL_ROWS) {
        for (int half = 0; half < PANEL_ROWS; half += 16) {
            __m512i rows[16];
            for (int i = 0; i < 16; ++i) {
                const bool is_there = half + i < n;
                factors[half + i] = 0.0f;
                rows[i] = is_there ? rounded(Floats32(from + (half + i)*stride + block*BLOCK), factors[half + i])
                                   : _mm512_setzero_si512();
            }
            transpose(rows);
            for (int pair = 0; pair < PAIRS; ++pair) {
                _mm512_storeu_si512(to + ((block*PAIRS + pair)*PANEL_ROWS + half)*2, rows[pair]);
            }
        }
    }
}

/* A panel of weights and a piece of activations, as they are above. */
struct Numbers {
    const int16_t * numbers;
    const float * factors;
};

/* N rows of activations times a panel. to: N rows of n_weights results, stride apart. */
template <int N>
static inline void tile(const Numbers & panel, const Numbers & tokens, int64_t k, int64_t n_weights, float * to,
                        int64_t stride) {
    __m512 results[N][2];
    for (int j = 0; j < N; ++j) {
        results[j][0] = results[j][1] = _mm512_setzero_ps();
    }
    for (int64_t block = 0; block < k/BLOCK; ++block) {
        __m512i sums[N][2];
        for (int j = 0; j < N; ++j) {
            sums[j][0] = sums[j][1] = _mm512_setzero_si512();
        }
        const int16_t * weights = panel.numbers + block*BLOCK*PANEL_ROWS;
        const int16_t * token = tokens.numbers + block*BLOCK;
        for (int pair = 0; pair < PAIRS; ++pair, weights += 2*PANEL_ROWS, token += 2) {
            const __m512i first = _mm512_loadu_si512(weights), second = _mm512_loadu_si512(weights + PANEL_ROWS);
            for (int j = 0; j < N; ++j) {
                int32_t two;
                memcpy(&two, token + j*k, sizeof(two));
                const __m512i both = _mm512_set1_epi32(two);
                sums[j][0] = _mm512_dpwssd_epi32(sums[j][0], first, both);
                sums[j][1] = _mm512_dpwssd_epi32(sums[j][1], second, both);
            }
        }
        const float * factors = panel.factors + block*PANEL_ROWS;
        const __m512 first = _mm512_loadu_ps(factors), second = _mm512_loadu_ps(factors + 16);
        for (int j = 0; j < N; ++j) {
            const __m512 factor = _mm512_set1_ps(tokens.factors[j*(k/BLOCK) + block]);
            results[j][0] = _mm512_fmadd_ps(_mm512_cvtepi32_ps(sums[j][0]), _mm512_mul_ps(first, factor), results[j][0]);
            results[j][1] = _mm512_fmadd_ps(_mm512_cvtepi32_ps(sums[j][1]), _mm512_mul_ps(second, factor), results[j][1]);
        }
    }
    const uint32_t wanted = n_weights >= PANEL_ROWS ? ~0u : (1u << n_weights) - 1;
    for (int j = 0; j < N; ++j) {
        _mm512_mask_storeu_ps(to + j*stride, (__mmask16) wanted, results[j][0]);
        _mm512_mask_storeu_ps(to + j*stride + 16, (__mmask16) (wanted >> 16), results[j][1]);
    }
}

typedef void (*Tile)(const Numbers &, const Numbers &, int64_t, int64_t, float *, int64_t);

static const Tile TILES[TILE_TOKENS] = {tile<1>, tile<2>, tile<3>, tile<4>, tile<5>, tile<6>};

/* A thread's memory for one panel and one piece. */
struct Room {
    std::vector<int16_t> numbers;
    std::vector<float> factors;
    int16_t * panel, * piece;
    float * panel_factors, * piece_factors;

    void fit(int64_t k, int64_t n_tokens) {
        const size_t n_panel = PANEL_ROWS*k, n_piece = n_tokens*k;
        numbers.resize(std::max(numbers.size(), n_panel + n_piece));
        factors.resize(std::max(factors.size(), (n_panel + n_piece)/BLOCK));
        panel = numbers.data();
        piece = panel + n_panel;
        panel_factors = factors.data();
        piece_factors = panel_factors + n_panel/BLOCK;
    }
};

} // namespace fixed
} // namespace llamactl

/* As llamactl_multiply_f16, whose parameters it has. */
static inline bool llamactl_multiply_fixed(const struct ggml_compute_params * params, int64_t m, int64_t n, int64_t k,
                                           const void * weights, int64_t weights_stride,
                                           const void * tokens, int64_t tokens_stride, void * to, int64_t to_stride) {
    using namespace llamactl::fixed;
    if (!llamactl_fixed_point || k == 0 || k % BLOCK != 0 || k > EACH_MOST || n < TOKENS_LEAST) {
        return false;
    }
    const int64_t n_piece = std::min(n, PIECE_NUMBERS/k/TILE_TOKENS*TILE_TOKENS);
    const int64_t n_panels = (m + PANEL_ROWS - 1)/PANEL_ROWS;
    const int64_t n_jobs = (n + n_piece - 1)/n_piece*n_panels;
    static thread_local Room room;
    room.fit(k, n_piece);
    if (params->ith == 0) {
        ggml_threadpool_chunk_set(params->threadpool, params->nth);
    }
    ggml_barrier(params->threadpool);
    int64_t piece_there = -1;
    for (int64_t job = params->ith; job < n_jobs; job = ggml_threadpool_chunk_add(params->threadpool, 1)) {
        const int64_t first_weight = job % n_panels*PANEL_ROWS, n_weights = std::min<int64_t>(PANEL_ROWS, m - first_weight);
        const int64_t first_token = job/n_panels*n_piece, n_tokens = std::min(n_piece, n - first_token);
        if (first_token != piece_there) {
            round_tokens((const float *) tokens + first_token*tokens_stride, tokens_stride, n_tokens, k, room.piece,
                         room.piece_factors);
            piece_there = first_token;
        }
        round_weights((const ggml_fp16_t *) weights + first_weight*weights_stride, weights_stride, n_weights, k, room.panel,
                      room.panel_factors);
        const Numbers panel = {room.panel, room.panel_factors};
        for (int64_t token = 0; token < n_tokens; token += TILE_TOKENS) {
            const Numbers rows = {room.piece + token*k, room.piece_factors + token*(k/BLOCK)};
            float * row = (float *) to + (first_token + token)*to_stride + first_weight;
            TILES[std::min<int64_t>(TILE_TOKENS, n_tokens - token) - 1](panel, rows, k, n_weights, row, to_stride);
        }
    }
    ggml_barrier(params->threadpool);
    return true;
}

#endif
