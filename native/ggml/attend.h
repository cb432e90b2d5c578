/* Compiled into ggml's attention on processors (hooks.cmake): few rows that look at many cells, by AVX-512 or AVX2.
 *
 * ggml takes 64 and more rows at once in tiles; fewer, which is every step that generates, it takes row by row, head by
 * head, cell by cell: each score is reduced on its own, each weight is a call of expf, and the sum of the values goes
 * through memory in half precision at each cell. Here the heads that share keys and values are taken together, in blocks
 * of cells, and the sums stay in registers.
 *
 * The result is ggml's: the same order of additions, the same rounding of the sums to half precision at each cell. Only a
 * weight may differ in its last bit, where libm's expf is not rounded correctly. What is not covered (other types,
 * ALiBi, sinks, soft caps, head sizes that are no multiple of eight) is left to ggml. Where memory follows M, S and VKQ, the
 * names are those of ggml_compute_forward_flash_attn_ext_f16_one_chunk. */
#pragma once

// with AVX512-FP16 ggml adds in half precision itself, otherwise than here
#if (defined(__AVX512F__) || (defined(__AVX2__) && defined(__FMA__))) && defined(__F16C__) && !defined(__AVX512FP16__)
#define LLAMACTL_ATTENDS 1
#else
#define LLAMACTL_ATTENDS 0
#endif

#include "attend_scores.h"
#include "attend_weights.h"

#include <algorithm>
#include <cstring>

#if !LLAMACTL_ATTENDS

static inline bool llamactl_attend(const ggml_compute_params *, ggml_tensor *, int, int, int64_t, int64_t, float *, int64_t) {
    return false;
}

#else

namespace llamactl {

constexpr int N_HEADS = 4;  // heads that are taken together at most

/* Adds E times eight dimensions, from d on, of the values of a block's cells to the sums of H heads. rises: of any head. */
template <int H, int E>
static inline void add_slice(const Block & block, const char * values, size_t stride, int d, uint64_t rises, const Weights * weights,
                             Head * const * heads) {
    constexpr int N_WHOLE = E*N_EIGHT/N_LANES, V = (E*N_EIGHT + N_LANES - 1)/N_LANES;  // a last one may be half used
    Lanes sums[H][V];
    for (int h = 0; h < H; ++h) {
        for (int k = 0; k < V; ++k) {
            sums[h][k] = load_half(heads[h]->sums + d + k*N_LANES);
        }
    }
    for (int i = 0; i < block.n; ++i) {
        const ggml_fp16_t * value = (const ggml_fp16_t *) (values + block.cells[i]*stride) + d;
        if (rises >> i & 1) {
            for (int h = 0; h < H; ++h) {
                if (weights[h].rises >> i & 1) {
                    const Lanes scale = all(weights[h].scale[i]);
                    for (int k = 0; k < V; ++k) {
                        sums[h][k] = round_to_half(mul(sums[h][k], scale));
                    }
                }
            }
        }
        for (int k = 0; k < V; ++k) {
            const Lanes x = k < N_WHOLE ? load_half(value + k*N_LANES) : load_part(value + k*N_LANES);
            for (int h = 0; h < H; ++h) {
                sums[h][k] = round_to_half(fmadd(x, all(weights[h].weight[i]), sums[h][k]));
            }
        }
    }
    for (int h = 0; h < H; ++h) {
        for (int k = 0; k < V; ++k) {
            store_half(heads[h]->sums + d + k*N_LANES, sums[h][k]);
        }
    }
}

/* The same for all dimensions from d on, which are at most E times eight. */
template <int H, int E>
static inline void add_last(const Block & block, const char * values, size_t stride, int d, int n_dims, uint64_t rises,
                            const Weights * weights, Head * const * heads) {
    if (n_dims - d == E*N_EIGHT) {
        add_slice<H, E>(block, values, stride, d, rises, weights, heads);
    } else if constexpr (E > 1) {
        add_last<H, E - 1>(block, values, stride, d, n_dims, rises, weights, heads);
    }
}

/* Adds the values of a block's cells to the sums of H heads. */
template <int H>
static inline void add_values(const Block & block, const char * values, size_t stride, int n_dims, const Weights * weights,
                              Head * const * heads) {
    constexpr int E = N_VALUES/N_EIGHT;
    uint64_t rises = 0;
    for (int h = 0; h < H; ++h) {
        rises |= weights[h].rises;
    }
    int d = 0;
    for (; d + N_VALUES <= n_dims; d += N_VALUES) {
        add_slice<H, E>(block, values, stride, d, rises, weights, heads);
    }
    add_last<H, E - 1>(block, values, stride, d, n_dims, rises, weights, heads);
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
        for (int d = 0; d < n_keys; d += N_EIGHT) {
            _mm256_store_ps(queries[h] + d, _mm256_cvtph_ps(_mm256_cvtps_ph(_mm256_loadu_ps(query + d), _MM_FROUND_TO_NEAREST_INT)));
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
        && n_keys % N_EIGHT == 0 && n_keys <= N_DIMS && n_values % N_EIGHT == 0 && n_values <= N_DIMS
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
