/* Which version of the loading code this is: changes with every change of its sources, so that a database made by other code is
 * known as such and made again. */
#ifndef GOTAPE_REPLAY_LOADER_VERSION_H
#define GOTAPE_REPLAY_LOADER_VERSION_H

extern const char loader_version[]; /* hexadecimal digits */

#endif
