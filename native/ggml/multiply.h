/* Compiled into ggml's products of repacked Q4_0 weights on x86 (hooks.cmake): by AVX-512's VNNI (multiply_vnni.h), or by
 * AVX2 (multiply_avx2.h).
 *
 * ggml takes rows of activations in fours, and 16 at a time where there are as many; each step that generates has fewer,
 * so it unpacks the same weights again and again. Its instructions for signed products need the sign of one factor moved
 * to the other, at each use. Here eight rows are taken at once, and the weights stay unsigned: stored as 0 to 15 they
 * mean w - 8, and 8 times the sum of the activations is subtracted, which is one number a row and block. What is left
 * over, fewer than four rows, ggml takes one by one; so is it here, but 16 columns at a time.
 *
 * The sums of a block are integers, so exact, and blocks are added up in ggml's order with ggml's rounding: the result is the
 * same, bit for bit. */
#pragma once

#if (defined(__AVX512VNNI__) && defined(__AVX512BW__)) || (defined(__AVX2__) && defined(__F16C__) && defined(__FMA__))

#include <immintrin.h>

#include <cstring>

namespace llamactl {

constexpr int N_QUANTS = 32;        // of a block
constexpr int N_ROWS_MOST = 8;      // rows that are taken together
constexpr int N_BLOCKS_MOST = 1024; // of a row: room for the sums on the stack
constexpr int N_AHEAD = 1024;       // bytes of weights that are fetched before they are needed

/* Rows of activations as ggml quantizes them for a product of several: four interleaved, eight quants each. */
struct Rows {
    const block_q8_0x4 * blocks;
    int n_blocks;

    const block_q8_0x4 & four(int row, int block) const {
        return blocks[row/4*n_blocks + block];
    }
    const int8_t * quants(int row, int block, int eight) const {
        return four(row, block).qs + eight*32 + row % 4*8;
    }
    float scale(int row, int block) const {
        return GGML_CPU_FP16_TO_FP32(four(row, block).d[row % 4]);
    }
};

}  // namespace llamactl

#if defined(__AVX512VNNI__) && defined(__AVX512BW__)
#include "multiply_vnni.h"
#else
#include "multiply_avx2.h"
#endif

namespace llamactl {

/* R rows from row on times n_columns columns. */
template <int R>
static void multiply_rows(int n_blocks, const block_q4_0x8 * weights, const Rows & rows, int row, float * to, size_t stride,
                          int n_columns) {
    alignas(64) int32_t starts[N_BLOCKS_MOST*R];
    for (int b = 0; b < n_blocks; ++b) {
        make_starts<R>(rows, row, b, starts + b*R);
    }
    for (int column = 0; column < n_columns; column += N_COLUMNS) {
        const bool is_last = column + 8 == n_columns;
        multiply<R>(n_blocks, weights + column/8*n_blocks, is_last, rows, row, starts, to + column, stride);
    }
}

}  // namespace llamactl

/* Stands in for ggml_gemm_q4_0_8x8_q8_0, whose parameters it has; false: it does not. */
static bool llamactl_gemm_q4_0(int n, float * s, size_t bs, const void * vx, const void * vy, int nr, int nc) {
    using namespace llamactl;
    const int n_blocks = n/N_QUANTS;
    if (n_blocks > N_BLOCKS_MOST) {
        return false;
    }
    const Rows rows = {(const block_q8_0x4 *) vy, n_blocks};
    int row = 0;
    for (; row + N_ROWS_MOST <= nr; row += N_ROWS_MOST) {
        multiply_rows<N_ROWS_MOST>(n_blocks, (const block_q4_0x8 *) vx, rows, row, s + row*bs, bs, nc);
    }
    for (; row < nr; row += 4) {
        multiply_rows<4>(n_blocks, (const block_q4_0x8 *) vx, rows, row, s + row*bs, bs, nc);
    }
    return true;
}

/* Stands in for ggml_gemv_q4_0_8x8_q8_0, alike. */
static bool llamactl_gemv_q4_0(int n, float * s, size_t, const void * vx, const void * vy, int nr, int nc) {
    using namespace llamactl;
    const int n_blocks = n/N_QUANTS;
    if (n_blocks > N_BLOCKS_MOST || nr != 1) {
        return false;
    }
    const block_q8_0 * row = (const block_q8_0 *) vy;
    int32_t starts[N_BLOCKS_MOST];
    float scales[N_BLOCKS_MOST];
    for (int b = 0; b < n_blocks; ++b) {
        starts[b] = start_of(row[b].qs);
        scales[b] = GGML_CPU_FP16_TO_FP32(row[b].d);
    }
    for (int column = 0; column < nc; column += 8) {
        const block_q4_0x8 * weights = (const block_q4_0x8 *) vx + column/8*n_blocks;
        multiply_one(n_blocks, weights, row, starts, scales, s + column);
    }
    return true;
}

#else

static inline bool llamactl_gemm_q4_0(int, float *, size_t, const void *, const void *, int, int) {
    return false;
}

static inline bool llamactl_gemv_q4_0(int, float *, size_t, const void *, const void *, int, int) {
    return false;
}

#endif
