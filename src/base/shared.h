/* Functions of headers that are more than a line: inlined where speed counts; where the compiler is told to make little code
 * (-Os), called: src/<layer>/shared.c has the one copy. And functions on the packets' way that are inlined, whatever the
 * compiler thinks of it, unless it is told so. */
#ifndef BASE_SHARED_H
#define BASE_SHARED_H

#ifndef __OPTIMIZE_SIZE__
#define SHARED static inline
#define INLINED static inline __attribute__((always_inline))
#else
#define INLINED static inline
#ifdef SHARED_HERE
#define SHARED
#else
#define SHARED_ELSEWHERE
#endif
#endif

#endif
