/* Compiled into ggml's attention on processors (hooks.cmake): few rows that look at many cells, by AVX-512.
 *
 * ggml takes 64 and more rows at once in tiles; fewer, which is every step that generates, it takes row by row, head by
 * head, cell by cell: each score is reduced on its own, each weight is a call of expf, and the sum of the values goes
 * through memory in half precision at each cell. Here the heads that share keys and values are taken together, in blocks
 * of cells, and the sums stay in registers.
 *
 * The result is ggml's: the same order of additions, the same rounding of the sums to half precision at each cell. Only a
 * weight may differ in its last bit, where libm's expf is not rounded correctly. What is not covered (other types,
 * ALiBi, sinks, soft caps, head sizes that are no multiple of 64) is left to ggml. Where memory follows M, S and VKQ, the
 * names are those of ggml_compute_forward_flash_attn_ext_f16_one_chunk. */
#pragma once

#include "masked.h"

#include <algorithm>
#include <cmath>
#include <cstring>

// with AVX512-FP16 ggml adds in half precision itself, otherwise than here
#if !defined(__AVX512F__) || defined(__AVX512FP16__)

static inline bool llamactl_attend(const ggml_compute_params *, ggml_tensor *, int, int, int64_t, int64_t, float *, int64_t) {
    return false;
}

#else

#include <immintrin.h>

namespace llamactl {

constexpr int N_LANES = 16;
constexpr int N_BLOCK = 64;  // cells that a block has at most; one bit each in a uint64_t
constexpr int N_HEADS = 4;   // heads that are taken together at most: 16 registers of sums
constexpr int N_SLICE = 64;  // dimensions whose sums are in registers at a time
constexpr int N_DIMS = 256;

struct Block {
    int n = 0;
    int64_t cells[N_BLOCK];
    alignas(64) float bias[N_BLOCK] = {};
};

/* What one head knows after some cells: ggml's M, S and VKQ16. */
struct Head {
    alignas(64) ggml_fp16_t sums[N_DIMS];
    float max;
    float total;
};

/* Weights of a block's cells for one head, and by what the sums are scaled before a cell with a new maximum. */
struct Weights {
    alignas(64) float weight[N_BLOCK];
    alignas(64) float scale[N_BLOCK];
    uint64_t rises;  // the cells with a new maximum
};

static inline __m512 load_half(const ggml_fp16_t * from) {
    return _mm512_cvtph_ps(_mm256_loadu_si256((const __m256i *) from));
}

static inline __m256i to_half(__m512 x) {
    return _mm512_cvtps_ph(x, _MM_FROUND_TO_NEAREST_INT);
}

static inline __m512 round_to_half(__m512 x) {
    return _mm512_cvtph_ps(to_half(x));
}

/* The next cells that a row sees from at on; at moves behind them. mask: of the row, or null. */
static inline void collect(Block & block, const ggml_fp16_t * mask, int64_t & at, int64_t end) {
    block.n = 0;
    while (block.n < N_BLOCK && at < end) {
        if (mask && (uint16_t) mask[at] == LLAMACTL_MASKED) {
            at = llamactl_next_seen((const uint16_t *) mask, at, end);
            continue;
        }
        block.bias[block.n] = mask ? GGML_CPU_FP16_TO_FP32(mask[at]) : 0.0f;
        block.cells[block.n++] = at++;
    }
}

/* The sums of the lanes of 16 vectors, each added up as _mm512_reduce_add_ps does it. */
static inline __m512 reduce_each(__m512 * v) {
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

/* scores[h][i] = scale * key of cell i . query h + bias. queries: (H, n_dims), rounded to half precision. */
template <int H>
static inline void score(const Block & block, const char * keys, size_t stride, const float (*queries)[N_DIMS],
                         int n_dims, float scale, float (*scores)[N_BLOCK]) {
    for (int first = 0; first < block.n; first += N_LANES) {
        __m512 products[H][N_LANES];
        for (int i = 0; i < N_LANES; ++i) {
            const int64_t cell = block.cells[first + i < block.n ? first + i : block.n - 1];
            const ggml_fp16_t * key = (const ggml_fp16_t *) (keys + cell*stride);
            __m512 part[H][4];
            for (int h = 0; h < H; ++h) {
                for (int k = 0; k < 4; ++k) {
                    part[h][k] = _mm512_setzero_ps();
                }
            }
            for (int d = 0; d < n_dims; d += N_SLICE) {
                for (int k = 0; k < 4; ++k) {
                    const __m512 x = load_half(key + d + k*N_LANES);
                    for (int h = 0; h < H; ++h) {
                        part[h][k] = _mm512_fmadd_ps(x, _mm512_load_ps(queries[h] + d + k*N_LANES), part[h][k]);
                    }
                }
            }
            for (int h = 0; h < H; ++h) {
                const __m512 even = _mm512_add_ps(part[h][0], part[h][2]);
                products[h][i] = _mm512_add_ps(even, _mm512_add_ps(part[h][1], part[h][3]));
            }
        }
        const __m512 bias = _mm512_load_ps(block.bias + first);
        for (int h = 0; h < H; ++h) {
            const __m512 dots = reduce_each(products[h]);
            _mm512_store_ps(scores[h] + first, _mm512_fmadd_ps(dots, _mm512_set1_ps(scale), bias));
        }
    }
}

/* e^x for x <= 0, in double precision: rounded to float it is nearly always the nearest one. */
static inline __m512d exp_double(__m512d x) {
    x = _mm512_max_pd(_mm512_set1_pd(-200.0), x);  // in this order NaN stays NaN
    const __m512d k = _mm512_roundscale_pd(_mm512_mul_pd(x, _mm512_set1_pd(1.4426950408889634)), 0);
    __m512d r = _mm512_fnmadd_pd(k, _mm512_set1_pd(0.6931471805599453), x);
    // 1/n! for n = 9 to 0; |r| <= ln(2)/2, so the next term is below 1e-11
    static const double terms[] = {2.7557319223985893e-06, 2.4801587301587302e-05, 1.9841269841269841e-04,
        1.3888888888888889e-03, 8.3333333333333333e-03, 4.1666666666666667e-02, 1.6666666666666667e-01, 0.5, 1.0, 1.0};
    __m512d y = _mm512_set1_pd(terms[0]);
    for (int i = 1; i < 10; ++i) {
        y = _mm512_fmadd_pd(y, r, _mm512_set1_pd(terms[i]));
    }
    return _mm512_scalef_pd(y, k);
}

static inline __m512 exp_float(__m512 x) {
    const __m256 low = _mm512_cvtpd_ps(exp_double(_mm512_cvtps_pd(_mm512_castps512_ps256(x))));
    const __m256 high = _mm512_cvtpd_ps(exp_double(_mm512_cvtps_pd(
        _mm256_castpd_ps(_mm512_extractf64x4_pd(_mm512_castps_pd(x), 1)))));
    return _mm512_castpd_ps(_mm512_insertf64x4(_mm512_castps_pd(_mm512_castps256_ps512(low)), _mm256_castps_pd(high), 1));
}

/* From n scores to weights, as online softmax has it; the maximum goes on. */
static inline void weigh(int n, const float * scores, Head & head, Weights & weights) {
    alignas(64) float exponents[N_BLOCK];
    float max = head.max;
    weights.rises = 0;
    __m512 top = _mm512_set1_ps(-INFINITY);
    for (int i = 0; i < n; i += N_LANES) {
        const __mmask16 used = n - i >= N_LANES ? 0xFFFF : (__mmask16) ((1u << (n - i)) - 1);
        top = _mm512_mask_max_ps(top, used, top, _mm512_load_ps(scores + i));
    }
    if (!(_mm512_reduce_max_ps(top) > max)) {
        for (int i = 0; i < n; i += N_LANES) {
            _mm512_store_ps(exponents + i, _mm512_sub_ps(_mm512_load_ps(scores + i), _mm512_set1_ps(max)));
        }
    } else {
        for (int i = 0; i < n; ++i) {
            const float score = scores[i];
            if (score > max) {
                weights.rises |= 1ull << i;
                exponents[i] = max - score;
                max = score;
            } else {
                exponents[i] = score - max;
            }
        }
    }
    for (int i = 0; i < n; i += N_LANES) {
        _mm512_store_ps(weights.weight + i, exp_float(_mm512_load_ps(exponents + i)));
    }
    for (uint64_t left = weights.rises; left; left &= left - 1) {
        const int i = __builtin_ctzll(left);
        weights.scale[i] = weights.weight[i];
        weights.weight[i] = 1.0f;
    }
    head.max = max;
}

/* Adds n weights to the total of each head, one after the other as ggml does, but the heads at the same time. */
template <int H>
static inline void add_weights(int n, const Weights * weights, Head * const * heads) {
    float totals[H];
    for (int h = 0; h < H; ++h) {
        totals[h] = heads[h]->total;
    }
    for (int i = 0; i < n; ++i) {
        for (int h = 0; h < H; ++h) {
            if (weights[h].rises >> i & 1) {
                totals[h] = std::fma(totals[h], weights[h].scale[i], 1.0f);  // rounded once, as compilers do it in ggml
            } else {
                totals[h] += weights[h].weight[i];
            }
        }
    }
    for (int h = 0; h < H; ++h) {
        heads[h]->total = totals[h];
    }
}

/* Adds the values of a block's cells to the sums of H heads. */
template <int H>
static inline void add_values(const Block & block, const char * values, size_t stride, int n_dims, const Weights * weights,
                              Head * const * heads) {
    uint64_t rises = 0;
    for (int h = 0; h < H; ++h) {
        rises |= weights[h].rises;
    }
    for (int d = 0; d < n_dims; d += N_SLICE) {
        __m512 sums[H][4];
        for (int h = 0; h < H; ++h) {
            for (int k = 0; k < 4; ++k) {
                sums[h][k] = load_half(heads[h]->sums + d + k*N_LANES);
            }
        }
        for (int i = 0; i < block.n; ++i) {
            const ggml_fp16_t * value = (const ggml_fp16_t *) (values + block.cells[i]*stride) + d;
            if (rises >> i & 1) {
                for (int h = 0; h < H; ++h) {
                    if (weights[h].rises >> i & 1) {
                        const __m512 scale = _mm512_set1_ps(weights[h].scale[i]);
                        for (int k = 0; k < 4; ++k) {
                            sums[h][k] = round_to_half(_mm512_mul_ps(sums[h][k], scale));
                        }
                    }
                }
            }
            for (int k = 0; k < 4; ++k) {
                const __m512 x = load_half(value + k*N_LANES);
                for (int h = 0; h < H; ++h) {
                    sums[h][k] = round_to_half(_mm512_fmadd_ps(x, _mm512_set1_ps(weights[h].weight[i]), sums[h][k]));
                }
            }
        }
        for (int h = 0; h < H; ++h) {
            for (int k = 0; k < 4; ++k) {
                _mm256_store_si256((__m256i *) (heads[h]->sums + d + k*N_LANES), to_half(sums[h][k]));
            }
        }
    }
}

struct Tensors {
    const ggml_tensor * q;
    const ggml_tensor * k;
    const ggml_tensor * v;
    const ggml_tensor * mask;
    float scale;
};

static inline const char * at(const ggml_tensor * tensor, int64_t i1, int64_t i2, int64_t i3) {
    return (const char *) tensor->data + i1*tensor->nb[1] + i2*tensor->nb[2] + i3*tensor->nb[3];
}

/* H heads from first on of one row, which share keys and values, over cells [start, end). */
template <int H>
static void attend(const Tensors & t, int64_t row, int64_t first, int64_t i3, int64_t start, int64_t end, Head * const * heads) {
    const int n_keys = (int) t.k->ne[0], n_values = (int) t.v->ne[0];
    alignas(64) float queries[H][N_DIMS];
    alignas(64) float scores[H][N_BLOCK];
    Weights weights[H];
    for (int h = 0; h < H; ++h) {
        const float * query = (const float *) at(t.q, row, first + h, i3);
        for (int d = 0; d < n_keys; d += N_LANES) {
            _mm512_store_ps(queries[h] + d, round_to_half(_mm512_loadu_ps(query + d)));
        }
        heads[h]->max = -INFINITY;
        heads[h]->total = 0.0f;
        memset(heads[h]->sums, 0, sizeof(heads[h]->sums));
    }
    const char * keys = at(t.k, 0, first/(t.q->ne[2]/t.k->ne[2]), i3/(t.q->ne[3]/t.k->ne[3]));
    const char * values = at(t.v, 0, first/(t.q->ne[2]/t.v->ne[2]), i3/(t.q->ne[3]/t.v->ne[3]));
    const ggml_fp16_t * mask = t.mask ? (const ggml_fp16_t *) at(t.mask, row, 0, i3%t.mask->ne[3]) : nullptr;
    Block block;
    for (int64_t cell = start; cell < end;) {
        collect(block, mask, cell, end);
        if (!block.n) {
            break;
        }
        score<H>(block, keys, t.k->nb[1], queries, n_keys, t.scale, scores);
        for (int h = 0; h < H; ++h) {
            weigh(block.n, scores[h], *heads[h], weights[h]);
        }
        add_weights<H>(block.n, weights, heads);
        add_values<H>(block, values, t.v->nb[1], n_values, weights, heads);
    }
}

static inline bool is_covered(const ggml_tensor * dst, const Tensors & t) {
    float max_bias, logit_softcap;
    memcpy(&max_bias, (const float *) dst->op_params + 1, sizeof(float));
    memcpy(&logit_softcap, (const float *) dst->op_params + 2, sizeof(float));
    const int64_t n_keys = t.k->ne[0], n_values = t.v->ne[0];
    return t.q->type == GGML_TYPE_F32 && t.k->type == GGML_TYPE_F16 && t.v->type == GGML_TYPE_F16
        && n_keys % N_SLICE == 0 && n_keys <= N_DIMS && n_values % N_SLICE == 0 && n_values <= N_DIMS
        && t.k->ne[2] == t.v->ne[2] && t.k->ne[3] == t.v->ne[3] && (!t.mask || t.mask->ne[2] == 1)
        && max_bias == 0.0f && logit_softcap == 0.0f && !dst->src[4];
}

static inline void write_sums(const Head & head, float factor, float * to, int64_t n_values) {
    for (int64_t d = 0; d < n_values; ++d) {
        to[d] = GGML_CPU_FP16_TO_FP32(head.sums[d])*factor;
    }
}

/* What ggml puts together from the parts of one row: M, S and the sums. */
static inline void write_partial(const Head & head, float * to, int64_t n_values) {
    to[0] = head.max;
    to[1] = head.total;
    write_sums(head, 1.0f, to + 2, n_values);
}

static inline void write_result(const Head & head, float * to, int64_t n_values) {
    write_sums(head, head.total == 0.0f ? 0.0f : 1.0f/head.total, to, n_values);
}

}  // namespace llamactl

/* Stands in for ggml_compute_forward_flash_attn_ext_f16_one_chunk, whose parameters it has; false: it does not.
 *
 * Work is counted by rows and, within a row, by heads, so that heads that share keys are neighbours; ggml has it the
 * other way round, and cares only that all of it is done. With partials, ggml asks for one head at a time: all that
 * share keys with it are done with the first of them. */
static bool llamactl_attend(const ggml_compute_params * params, ggml_tensor * dst, int ir0, int ir1, int64_t start, int64_t end,
                            float * partials, int64_t stride) {
    using namespace llamactl;
    Tensors t = {dst->src[0], dst->src[1], dst->src[2], dst->src[3], 0.0f};
    if (params->use_ref || !is_covered(dst, t)) {
        return false;
    }
    memcpy(&t.scale, dst->op_params, sizeof(float));
    const int64_t n_rows = t.q->ne[1], n_heads = t.q->ne[2], n_values = t.v->ne[0];
    const int64_t n_shared = n_heads/t.k->ne[2];
    if (partials) {
        if (ir0 % n_shared) {
            return true;
        }
        ir1 = (int) (ir0 + n_shared);
    }
    Head held[N_HEADS];
    Head * heads[N_HEADS] = {&held[0], &held[1], &held[2], &held[3]};
    for (int64_t ir = ir0; ir < ir1;) {
        const int64_t i3 = ir/(n_heads*n_rows), row = ir/n_heads % n_rows, first = ir % n_heads;
        const int64_t n = std::min({(int64_t) N_HEADS, ir1 - ir, n_shared - first % n_shared});
        switch (n) {
            case 1: attend<1>(t, row, first, i3, start, end, heads); break;
            case 2: attend<2>(t, row, first, i3, start, end, heads); break;
            case 3: attend<3>(t, row, first, i3, start, end, heads); break;
            default: attend<4>(t, row, first, i3, start, end, heads); break;
        }
        for (int64_t h = 0; h < n; ++h) {
            if (partials) {
                write_partial(held[h], partials + (ir + h)*stride, n_values);
            } else {
                const int64_t at = i3*dst->ne[2]*dst->ne[1] + row*dst->ne[1] + first + h;
                write_result(held[h], (float *) ((char *) dst->data + at*dst->nb[1]), n_values);
            }
        }
        ir += n;
    }
    return true;
}

#endif
