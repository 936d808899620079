# SPDX-License-Identifier: GPL-3.0-or-later
"""Independent SIP clients as headless peers of a bridge under test.

media    makes a picture and a sound for each client
see      says which clients are in a picture
hear     says which clients are in a sound
wirecap  counts what reached an endpoint, from a capture on loopback
bridge   starts and stops balaid
baresip, linphone, sipp, webrtc   one class per program
"""
