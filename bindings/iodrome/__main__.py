# SPDX-License-Identifier: Apache-2.0
from iodrome.cli import main

main()
