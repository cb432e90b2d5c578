// Attention of native/ggml/attend.h beside plain loops in ggml's order. Exits with 77 if it is left to ggml.
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <vector>
#include <immintrin.h>

typedef uint16_t ggml_fp16_t;
enum { GGML_TYPE_F32 = 0, GGML_TYPE_F16 = 1 };
struct ggml_tensor { int type; int64_t ne[4]; size_t nb[4]; void * data; int32_t op_params[4]; ggml_tensor * src[10]; };
struct ggml_compute_params { bool use_ref; };
#define GGML_CPU_FP16_TO_FP32(x) _cvtsh_ss(x)

#include "attend.h"

static const ggml_fp16_t MASKED = 0xFC00, NO_NUMBER = 0x7E00;

static ggml_fp16_t half(float x) { return _cvtss_sh(x, _MM_FROUND_TO_NEAREST_INT); }
static float number(int most) { return (rand() % 2001 - 1000)*1e-3f*most; }

template <typename T> static ggml_tensor tensor(std::vector<T> & numbers, int64_t a, int64_t b, int64_t c) {
    numbers.resize(a*b*c);
    const size_t n = sizeof(T);
    return {n == 2 ? GGML_TYPE_F16 : GGML_TYPE_F32, {a, b, c, 1}, {n, n*a, n*a*b, n*a*b*c}, numbers.data(), {}, {}};
}

#if LLAMACTL_ATTENDS
static const int N_LANES = llamactl::N_LANES;
#else
static const int N_LANES = 8;
#endif

// As many sums as there are lanes in each of four vectors, put together as ggml does it; what is left over is added in double precision.
static float dot(int n, const ggml_fp16_t * x, const ggml_fp16_t * y) {
    float sums[64] = {};
    const int n_sliced = n/(4*N_LANES)*4*N_LANES;
    for (int i = 0; i < n_sliced; i++) {
        float & sum = sums[i % (4*N_LANES)];
        sum = std::fma(_cvtsh_ss(x[i]), _cvtsh_ss(y[i]), sum);
    }
    const int last = N_LANES == 8 ? 4 : 1;
    for (int width = 2*N_LANES; width >= last; width /= 2) for (int i = 0; i < width; i++) sums[i] += sums[width + i];
    if (N_LANES == 8) sums[0] = (sums[0] + sums[1]) + (sums[2] + sums[3]);
    double sum = sums[0];
    for (int i = n_sliced; i < n; i++) { const volatile float product = _cvtsh_ss(x[i])*_cvtsh_ss(y[i]); sum += product; }
    return sum;
}

struct Result { float max = -INFINITY, total = 0; std::vector<ggml_fp16_t> sums; };

static Result online_softmax(const std::vector<ggml_fp16_t> & query, const ggml_tensor & k, const ggml_tensor & v,
                             const ggml_fp16_t * mask, int start, float scale, int kv_head) {
    Result r;
    r.sums.resize(v.ne[0]);
    for (int c = start; c < k.ne[1]; c++) {
        if (mask && mask[c] == MASKED) continue;
        const auto * key = (const ggml_fp16_t *) ((const char *) k.data + c*k.nb[1] + kv_head*k.nb[2]);
        const auto * value = (const ggml_fp16_t *) ((const char *) v.data + c*v.nb[1] + kv_head*v.nb[2]);
        const float score = std::fma(dot(k.ne[0], key, query.data()), scale, mask ? _cvtsh_ss(mask[c]) : 0.0f);
        float shrunk = 1, weight = 1;
        if (score > r.max) {
            shrunk = std::exp((double) (r.max - score));
            r.max = score;
            for (auto & sum : r.sums) sum = half(_cvtsh_ss(sum)*shrunk);
        } else {
            weight = std::exp((double) (score - r.max));
        }
        for (int d = 0; d < v.ne[0]; d++) r.sums[d] = half(std::fma(_cvtsh_ss(value[d]), weight, _cvtsh_ss(r.sums[d])));
        r.total = std::fma(r.total, shrunk, weight);
    }
    return r;
}

static bool is_same(float a, float b) { return a == b || (std::isnan(a) && std::isnan(b)); }

static int check() {
    const int n_keys = 8*(1 + rand() % 32), n_values = 8*(1 + rand() % 32), n_kv_heads = 1 + rand() % 3;
    const int n_shared = 1 + rand() % 6, n_heads = n_kv_heads*n_shared, n_cells = 1 + rand() % 150;
    const bool is_part = rand() % 3 == 0;
    const int n_rows = is_part ? 1 : 1 + rand() % 3, start = is_part ? rand() % n_cells : 0;
    std::vector<float> queries, results;
    std::vector<ggml_fp16_t> keys, values, masks;
    ggml_tensor q = tensor(queries, n_keys, n_rows, n_heads), k = tensor(keys, n_keys, n_cells, n_kv_heads);
    ggml_tensor v = tensor(values, n_values, n_cells, n_kv_heads), m = tensor(masks, n_cells, n_rows, 1);
    ggml_tensor dst = tensor(results, n_values, n_heads, n_rows);
    const float scale = 0.05f + rand() % 3;
    for (auto & x : queries) x = number(2);
    for (auto & x : keys) x = half(number(1));
    for (auto & x : values) x = half(number(2));
    for (auto & x : masks) x = rand() % 3 ? half(-(rand() % 3)) : MASKED;
    if (rand() % 7 == 0) keys[rand() % keys.size()] = NO_NUMBER;
    memcpy(dst.op_params, &scale, sizeof(scale));
    dst.src[0] = &q; dst.src[1] = &k; dst.src[2] = &v; dst.src[3] = rand() % 8 ? &m : nullptr;

    const int64_t stride = 2 + n_values;
    std::vector<float> partials(n_heads*stride);
    const ggml_compute_params params = {false};
    if (!is_part && !llamactl_attend(&params, &dst, 0, n_heads*n_rows, 0, n_cells, nullptr, 0)) return 77;
    for (int h = 0; is_part && h < n_heads; h++)
        if (!llamactl_attend(&params, &dst, h, h + 1, start, n_cells, partials.data(), stride)) return 77;

    for (int row = 0; row < n_rows; row++) for (int h = 0; h < n_heads; h++) {
        std::vector<ggml_fp16_t> query(n_keys);
        for (int d = 0; d < n_keys; d++) query[d] = half(queries[(h*n_rows + row)*n_keys + d]);
        const ggml_fp16_t * mask = dst.src[3] ? masks.data() + row*n_cells : nullptr;
        const Result wanted = online_softmax(query, k, v, mask, start, scale, h/n_shared);
        const float * found = is_part ? &partials[h*stride + 2] : &results[(row*n_heads + h)*n_values];
        // once there is a score that is no number, nothing depends on the maximum
        const bool is_lost = std::isnan(wanted.total);
        bool same = !is_part || (is_same(found[-1], wanted.total) && (is_lost || found[-2] == wanted.max));
        const float factor = is_part ? 1 : wanted.total == 0 ? 0 : 1/wanted.total;
        for (int d = 0; d < n_values; d++) same &= is_same(found[d], _cvtsh_ss(wanted.sums[d])*factor);
        if (!same) {
            printf("keys of %d, values of %d, %d cells from %d on: head %d of %d differs\n", n_keys, n_values, n_cells, start, h, n_heads);
            return 1;
        }
    }
    return 0;
}

int main() {
    srand(1);
    for (int round = 0; round < 400; round++) if (const int rc = check()) return rc;
    return 0;
}
