/* Functions of headers that are more than a line: inlined where speed counts; where the compiler is told to make little code
 * (-Os), called: src/<layer>/shared.c has the one copy. */
#ifndef BASE_SHARED_H
#define BASE_SHARED_H

#ifndef __OPTIMIZE_SIZE__
#define SHARED static inline
#elif defined SHARED_HERE
#define SHARED
#else
#define SHARED_ELSEWHERE
#endif

#endif
