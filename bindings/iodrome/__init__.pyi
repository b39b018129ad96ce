# SPDX-License-Identifier: Apache-2.0
# What the package shows; at run time each name is imported when it is first used.
from iodrome._core import Client as Client
from iodrome._core import InputError as InputError
from iodrome._core import ModelError as ModelError
from iodrome._core import Stopped as Stopped
from iodrome._core import StopToken as StopToken
from iodrome.builders import access_log as access_log
from iodrome.builders import chain as chain
from iodrome.builders import fio_job as fio_job
from iodrome.builders import machine as machine
from iodrome.comparison import Comparison as Comparison
from iodrome.comparison import compare as compare
from iodrome.latency import Latency as Latency
from iodrome.operations import close as close
from iodrome.operations import open as open
from iodrome.operations import read as read
from iodrome.operations import send as send
from iodrome.operations import sleep as sleep
from iodrome.operations import stat as stat
from iodrome.operations import workload as workload
from iodrome.requests import OPS as OPS
from iodrome.requests import Requests as Requests
from iodrome.result import Result as Result
from iodrome.result import Run as Run
from iodrome.result import Runs as Runs
from iodrome.simulator import designs as designs
from iodrome.simulator import machines as machines
from iodrome.simulator import run as run
from iodrome.simulator import version as version
from iodrome.sweeps import Sweep as Sweep
from iodrome.sweeps import sweep as sweep

__path__: list[str]
