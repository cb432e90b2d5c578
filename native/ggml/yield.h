/* Included before every C file of ggml (hooks.cmake): its threads give their processor away while they wait.
 *
 * ggml's threads wait for each other, at every node of a graph, in loops that only pause. Where a processor is wanted
 * by two threads (another program, more threads than processors, a container's quota) the one that is waited for does
 * not run until the scheduler takes the processor from the one that waits: seconds a token instead of milliseconds.
 *
 * The macro below tells the definition of ggml_thread_cpu_relax, whose parameter list is "void", from its calls, whose
 * list is empty. It does nothing in files that have no such name. */
#include <sched.h>

/* Waits between two yields: 1 to 2 microseconds on x86-64. */
#define LLAMACTL_PAUSES 32

static inline int llamactl_is_time_to_yield(void) {
    static _Thread_local unsigned n_waits;
    return ++n_waits % LLAMACTL_PAUSES == 0;
}

#define ggml_thread_cpu_relax(parameters) LLAMACTL_RELAX_##parameters
#define LLAMACTL_RELAX_void llamactl_pause(void)
#define LLAMACTL_RELAX_ (llamactl_is_time_to_yield() ? (void) sched_yield() : llamactl_pause())
