/* Cells of user calls. */
#include "cells.h"
void cells_of_calls(cell_visitor *visit)
{
    (void)visit;
}
