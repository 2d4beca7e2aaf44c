/* options - prints the option table for lint: section, name, and "later" where it is reserved. */
#include <stdio.h>

#include "conf/options.h"

int main(void)
{
    for (const struct conf_option *o = option_table; o->section; o++)
        printf("%s %s%s\n", o->section, o->name, o->later ? " later" : "");
    return 0;
}
