/* The one copy of the hash, where code is made small: see SIPHASH_STEP. [Aumasson and Bernstein, 2012] */
#define SIPHASH_HERE
#include "crypto/siphash.h"
