/* The way out of the core: say where, and abort. */
#include "base/must.h"

#include <stdio.h>
#include <stdlib.h>

#include <handfast/handfast.h>

HF_API _Noreturn void hf_panic(const char *file, int line, const char *what)
{
    fprintf(stderr, "handfast: %s:%d: must: %s\n", file, line, what);
    abort();
}
