# SPDX-License-Identifier: Apache-2.0
"""Recorded figures of races, and the check that a build still gives them.

`figures` says what is recorded, `experiment` how a race is made again, `baseline` is the file,
`tolerance` what may differ, `check` finds what does, `views` tells it.
"""
