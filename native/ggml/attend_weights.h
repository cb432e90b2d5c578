/* Part of attend.h: from scores to the weights of cells, as ggml's online softmax has them. */
#pragma once

#include "attend_scores.h"

#if LLAMACTL_ATTENDS

#include <cmath>

namespace llamactl {

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

/* e^x for x <= 0, in double precision: rounded to float it is nearly always the nearest one. */
static inline Doubles exp_double(Doubles x) {
    x = max(all_double(-200.0), x);  // in this order NaN stays NaN
    const Doubles k = to_whole(mul(x, all_double(1.4426950408889634)));
    const Doubles r = fnmadd(k, all_double(0.6931471805599453), x);
    // 1/n! for n = 9 to 0; |r| <= ln(2)/2, so the next term is below 1e-11
    static const double terms[] = {2.7557319223985893e-06, 2.4801587301587302e-05, 1.9841269841269841e-04,
        1.3888888888888889e-03, 8.3333333333333333e-03, 4.1666666666666667e-02, 1.6666666666666667e-01, 0.5, 1.0, 1.0};
    Doubles y = all_double(terms[0]);
    for (int i = 1; i < 10; ++i) {
        y = fmadd(y, r, all_double(terms[i]));
    }
    return times_power(y, k);
}

static inline Lanes exp_float(Lanes x) {
    return to_float(exp_double(lower(x)), exp_double(upper(x)));
}

/* From n scores to weights, as online softmax has it; the maximum goes on. */
static inline void weigh(int n, const float * scores, Head & head, Weights & weights) {
    alignas(64) float exponents[N_BLOCK];
    float max = head.max;
    weights.rises = 0;
    Lanes top = all(-INFINITY);
    for (int i = 0; i < n; i += N_LANES) {
        top = greater(top, load(scores + i), n - i);
    }
    if (!(greatest(top) > max)) {
        for (int i = 0; i < n; i += N_LANES) {
            store(exponents + i, sub(load(scores + i), all(max)));
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
        store(weights.weight + i, exp_float(load(exponents + i)));
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

}  // namespace llamactl

#endif
