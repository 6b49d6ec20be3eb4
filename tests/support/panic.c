/* The panic hook of tests that link only layers below os: say so and abort. */
#include "base/must.h"

#include <stdio.h>
#include <stdlib.h>

_Noreturn void hf_panic(const char *file, int line, const char *what)
{
    fprintf(stderr, "%s:%d: must: %s\n", file, line, what);
    abort();
}
