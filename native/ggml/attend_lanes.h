/* Part of attend.h: registers of numbers in single precision, of AVX-512 (16 lanes) or AVX2 (8), and what is done with them.
 *
 * ggml's vectors are as long as these, and the order of its additions depends on that. */
#pragma once

#if LLAMACTL_ATTENDS

#include <immintrin.h>

namespace llamactl {

constexpr int N_EIGHT = 8;  // what the numbers of dimensions are multiples of

static inline __m128i load_eight(const ggml_fp16_t * from) {
    return _mm_loadu_si128((const __m128i *) from);
}

}  // namespace llamactl

#ifdef __AVX512F__
#include "attend_avx512.h"
#else
#include "attend_avx2.h"
#endif

namespace llamactl {

constexpr int N_SLICE = 4*N_LANES;  // dimensions that ggml's dot products take at a time

}  // namespace llamactl

#endif
