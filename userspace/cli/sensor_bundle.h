// SPDX-License-Identifier: BSD-2-Clause
// sensor_bundle.h - the bundle that made a sensor: its pins name it, so that a later command reads the sensor's records
// with the same code.
#pragma once

#include <string>

#include "cli/options.h"
#include "live/pinned_sensor.h"

namespace flowxdp {

// For an export: the folder that the pins name; empty when --lib or $FLOWXDP_LIB names one, or when the bundle that is
// used anyway has the sensor's layout. Throws StartupError, naming both, when neither can read the records. With rights
// that the user has not, a folder that somebody else could have changed is not used (module_trust.h).
std::string bundle_of(const PinnedSensor& pinned, const RunOptions& run);

// For a daemon that may take over what another one left on its interfaces: likewise; empty when there is nothing to
// take over. owner: the user who will serve the sensors, whose pins are believed beside root's.
std::string bundle_left(const AttachOptions& options, uid_t owner);

} // namespace flowxdp
