/* Compiled into ggml's allocator and its buffers in RAM (hooks.cmake): how Linux gives them pages.
 *
 * A step reads all weights once. With pages of 4 KiB a core finds a page's address every 64 cache lines, and stops fetching
 * ahead there; in a virtual machine that halves what it reads in a second (17 against 31 GB/s, docs/performance.md). So large
 * buffers ask for huge pages; where those are switched off or none is free, memory comes in small ones, as it always did.
 *
 * And a large buffer that is to be zero gives its pages back instead of being written: they come as zeros when they are
 * used. A context takes as much memory as its tokens do, not as much as it may ever hold. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#ifdef __linux__
#include <sys/mman.h>
#endif

enum {
    LLAMACTL_HUGE_PAGE = 2 << 20,
    LLAMACTL_LARGE = 4 * LLAMACTL_HUGE_PAGE,  // of less, the rounding would waste too much
    LLAMACTL_ANY_PAGE = 64 << 10,             // a multiple of all sizes of usual pages
};

/* As posix_memalign; its memory is freed by free. */
static inline int llamactl_memalign(void ** memory, size_t alignment, size_t size) {
#if defined(__linux__) && defined(MADV_HUGEPAGE)
    if (size >= LLAMACTL_LARGE) {
        const int result = posix_memalign(memory, LLAMACTL_HUGE_PAGE, size);
        if (result == 0) {
            (void) madvise(*memory, size, MADV_HUGEPAGE);  // a wish
        }
        return result;
    }
#endif
    return posix_memalign(memory, alignment, size);
}

/* Makes memory that came from malloc zero without touching it. False: nothing was done (small, locked, not on Linux). */
static inline bool llamactl_forget(void * memory, size_t size) {
#if defined(__linux__) && defined(MADV_DONTNEED)
    if (size >= LLAMACTL_LARGE) {
        const uintptr_t mask = LLAMACTL_ANY_PAGE - 1, start = (uintptr_t) memory, end = start + size;
        const uintptr_t first = (start + mask) & ~mask, last = end & ~mask;
        if (madvise((void *) first, last - first, MADV_DONTNEED) == 0) {
            memset(memory, 0, first - start);
            memset((void *) last, 0, end - last);
            return true;
        }
    }
#endif
    (void) memory;
    (void) size;
    return false;
}
