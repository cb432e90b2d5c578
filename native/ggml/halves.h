/* Compiled into ggml's products of F16 weights on x86 (hooks.cmake): by AVX-512.
 *
 * ggml widens each weight and each activation again for every tile of 4 x 6 results, and adds the sixteen lanes of each
 * result up alone; with rows of some hundred numbers, as embedding models have, that takes a third of the time. Here both
 * are widened once into panels that stay in a core's cache, and four results are added up together.
 *
 * Activations are rounded to half precision as ggml rounds them, lanes are added in its order: the result is the same, bit
 * for bit. */
#pragma once

#include "fixed.h"

#if !defined(__AVX512F__)

static inline bool llamactl_multiply_f16(const struct ggml_compute_params *, int64_t, int64_t, int64_t,
                                         const void *, int64_t, const void *, int64_t, void *, int64_t) {
    return false;
}

#else

#include <immintrin.h>

#include <algorithm>
#include <cstdint>
#include <vector>

namespace llamactl {

constexpr int LANES = 16;
constexpr int TILE_WEIGHTS = 4;                // rows of weights in a tile
constexpr int TILE_TOKENS = 6;                 // rows of activations in a tile
constexpr int64_t PANEL_FLOATS = 64*1024;      // weights in a core's cache: 256 KiB
constexpr int64_t PANEL_ROWS_MOST = 32;
constexpr int64_t PANEL_ROWS_LEAST = 8;        // fewer, and widening the activations costs too much
constexpr int64_t PIECE_FLOATS = 384*1024;     // activations: 1.5 MiB
constexpr int64_t TOKENS_LEAST = 24;           // fewer, and widening the weights costs too much

/* The sums of the lanes of four vectors, each in the order of _mm512_reduce_add_ps: halves, quarters, then neighbours. */
static inline __m128 sums_of(__m512 a, __m512 b, __m512 c, __m512 d) {
    const auto halves = [](__m512 v) {
        return _mm256_add_ps(_mm512_castps512_ps256(v), _mm256_castpd_ps(_mm512_extractf64x4_pd(_mm512_castps_pd(v), 1)));
    };
    const auto quarters = [](__m256 v, __m256 w) {
        return _mm256_add_ps(_mm256_permute2f128_ps(v, w, 0x20), _mm256_permute2f128_ps(v, w, 0x31));
    };
    const __m256d ac = _mm256_castps_pd(quarters(halves(a), halves(c)));
    const __m256d bd = _mm256_castps_pd(quarters(halves(b), halves(d)));
    // two lanes of each are left, in the order a b | c d
    const __m256 two = _mm256_add_ps(_mm256_castpd_ps(_mm256_unpacklo_pd(ac, bd)), _mm256_castpd_ps(_mm256_unpackhi_pd(ac, bd)));
    const __m128 ab = _mm256_castps256_ps128(two), cd = _mm256_extractf128_ps(two, 1);
    return _mm_add_ps(_mm_shuffle_ps(ab, cd, 0x88), _mm_shuffle_ps(ab, cd, 0xDD));
}

/* Sixteen numbers, read once: a compiler that reads them again at each use is slower than the sums that need them. */
static inline __m512 in_register(const float * from) {
    __m512 numbers = _mm512_loadu_ps(from);
    __asm__("" : "+v"(numbers));
    return numbers;
}

/* Results of 4 rows of weights and N of activations; both interleaved, sixteen numbers of each row in turn.
 * to: N rows of 4, stride apart. */
template <int N>
static inline void tile(const float * weights, const float * tokens, int64_t k, float * to, int64_t stride) {
    __m512 sums[N][TILE_WEIGHTS];
    for (int j = 0; j < N; ++j) {
        for (int i = 0; i < TILE_WEIGHTS; ++i) {
            sums[j][i] = _mm512_setzero_ps();
        }
    }
    for (int64_t l = 0; l < k; l += LANES, weights += TILE_WEIGHTS*LANES, tokens += N*LANES) {
        __m512 w[TILE_WEIGHTS];
        for (int i = 0; i < TILE_WEIGHTS; ++i) {
            w[i] = in_register(weights + i*LANES);
        }
        for (int j = 0; j < N; ++j) {
            const __m512 token = in_register(tokens + j*LANES);
            for (int i = 0; i < TILE_WEIGHTS; ++i) {
                sums[j][i] = _mm512_fmadd_ps(w[i], token, sums[j][i]);
            }
        }
    }
    for (int j = 0; j < N; ++j) {
        _mm_storeu_ps(to + j*stride, sums_of(sums[j][0], sums[j][1], sums[j][2], sums[j][3]));
    }
}

static inline void any_tile(int n, const float * weights, const float * tokens, int64_t k, float * to, int64_t stride) {
    switch (n) {
        case 1: return tile<1>(weights, tokens, k, to, stride);
        case 2: return tile<2>(weights, tokens, k, to, stride);
        case 3: return tile<3>(weights, tokens, k, to, stride);
        case 4: return tile<4>(weights, tokens, k, to, stride);
        case 5: return tile<5>(weights, tokens, k, to, stride);
        default: return tile<6>(weights, tokens, k, to, stride);
    }
}

static inline __m512 widened(const ggml_fp16_t * from) {
    return _mm512_cvtph_ps(_mm256_loadu_si256((const __m256i *) from));
}

static inline __m512 widened(const float * from) { // rounded to half precision first
    return _mm512_cvtph_ps(_mm512_cvtps_ph(_mm512_loadu_ps(from), _MM_FROUND_TO_NEAREST_INT));
}

/* Rows of k numbers, stride apart, in groups of n_group: interleaved within each, the last one smaller. */
template <typename T>
static inline void widen(const T * from, int64_t stride, int64_t n_rows, int64_t n_group, int64_t k, float * to) {
    for (int64_t row = 0; row < n_rows; row += n_group) {
        const int64_t n = std::min(n_group, n_rows - row);
        for (int64_t i = 0; i < n; ++i) {
            const T * source = from + (row + i)*stride;
            float * target = to + row*k + i*LANES;
            for (int64_t l = 0; l < k; l += LANES, target += n*LANES) {
                _mm512_storeu_ps(target, widened(source + l));
            }
        }
    }
}

/* All tiles of a panel and a piece. to: n_tokens rows of n_weights, stride apart. */
static inline void multiply_panel(const float * panel, int64_t n_weights, const float * piece, int64_t n_tokens, int64_t k,
                                  float * to, int64_t stride) {
    for (int64_t token = 0; token < n_tokens; token += TILE_TOKENS) {
        const int n = (int) std::min<int64_t>(TILE_TOKENS, n_tokens - token);
        for (int64_t weight = 0; weight < n_weights; weight += TILE_WEIGHTS) {
            any_tile(n, panel + weight*k, piece + token*k, k, to + token*stride + weight, stride);
        }
    }
}

} // namespace llamactl

/* to[j][i] = weights[i] . tokens[j]; all threads call it, as they do ggml's.
 * weights: (m, k), tokens: (n, k) floats, to: (n, m) floats, rows apart by the strides. False: nothing was done. */
static inline bool llamactl_multiply_f16(const struct ggml_compute_params * params, int64_t m, int64_t n, int64_t k,
                                         const void * weights, int64_t weights_stride,
                                         const void * tokens, int64_t tokens_stride, void * to, int64_t to_stride) {
    using namespace llamactl;
    if (llamactl_multiply_fixed(params, m, n, k, weights, weights_stride, tokens, tokens_stride, to, to_stride)) {
        return true;
    }
    const int64_t n_panel = std::min(PANEL_ROWS_MOST, PANEL_FLOATS/std::max<int64_t>(k, 1)/TILE_WEIGHTS*TILE_WEIGHTS);
    if (k == 0 || k % LANES != 0 || m % TILE_WEIGHTS != 0 || n < TOKENS_LEAST || n_panel < PANEL_ROWS_LEAST) {
        return false;
    }
    const int64_t n_piece = PIECE_FLOATS/k/TILE_TOKENS*TILE_TOKENS;
    const int64_t n_panels = (m + n_panel - 1)/n_panel;
    const int64_t n_jobs = (n + n_piece - 1)/n_piece*n_panels;

    static thread_local std::vector<float> room;
    room.resize(std::max<size_t>(room.size(), PANEL_FLOATS + PIECE_FLOATS));
    float * panel = room.data(), * piece = panel + PANEL_FLOATS;

    if (params->ith == 0) {
        ggml_threadpool_chunk_set(params->threadpool, params->nth);
    }
    ggml_barrier(params->threadpool);
    int64_t piece_there = -1;
    for (int64_t job = params->ith; job < n_jobs; job = ggml_threadpool_chunk_add(params->threadpool, 1)) {
        const int64_t first_weight = job % n_panels*n_panel, n_weights = std::min(n_panel, m - first_weight);
        const int64_t first_token = job/n_panels*n_piece, n_tokens = std::min(n_piece, n - first_token);
        if (first_token != piece_there) {
            widen((const float *) tokens + first_token*tokens_stride, tokens_stride, n_tokens, TILE_TOKENS, k, piece);
            piece_there = first_token;
        }
        widen((const ggml_fp16_t *) weights + first_weight*weights_stride, weights_stride, n_weights, TILE_WEIGHTS, k, panel);
        multiply_panel(panel, n_weights, piece, n_tokens, k, (float *) to + first_token*to_stride + first_weight, to_stride);
    }
    ggml_barrier(params->threadpool);
    return true;
}

#endif
