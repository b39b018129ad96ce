# SPDX-License-Identifier: Apache-2.0
import pytest

from tests.tidy import layers
from tests.tidy.sources import files


def test_no_file_includes_a_layer_above_it():
    assert not layers.violations(files(".cpp", ".h"))


@pytest.mark.parametrize(
    ("path", "line"),
    [
        ("model/engine/a.h", '#include "model/events/a.h"'),
        ("model/kernel/a.cpp", '#include "model/designs/design.h"'),
        ("model/kernel/a.cpp", '  #  include "hw/nvme/nvme.h"'),
        ("model/kernel/a.cpp", '#include "model/metrics/a.h"'),
        ("model/providers/a.h", '#include "model/chain/chain.h"'),
        ("model/kernel/a.cpp", '#include "model/workloads/input/toml.h"'),
        ("model/app/a.cpp", '#include "model/workloads/input/toml.h"'),
        ("model/metrics/a.cpp", '#include "model/kernel/a.h"'),
        ("model/explore/a.cpp", '#include "model/events/a.h"'),
        ("model/designs/sync/a.cpp", '#include "model/designs/io_uring/a.h"'),
        ("model/designs/design.h", '#include "model/designs/io_uring/a.h"'),
        ("model/drivers/a.cpp", '#include "hw/factory.h"'),
        ("hw/nvme/nvme.cpp", '#include "model/kernel/a.h"'),
        ("hw/nvme/nvme.cpp", '#include "hw/disk/disk.h"'),
        ("hw/nvme/nvme.cpp", "#include <systemc>"),
        ("hw/nvme/nvme.cpp", '#include "model/engine/hosted/pump.h"'),
        ("model/engine/timeline.cpp", "#include <tlm>"),
        ("bindings/module.cpp", "#include <systemc.h>"),
        ("model/engine/a.cpp", '#include "a.h"'),
        ("model/elsewhere/a.cpp", ""),
    ],
)
def test_canary_a_forbidden_include_is_found(path, line):
    assert len(layers.violations({path: f"// x\n{line}\n"})) == 1


@pytest.mark.parametrize(
    ("path", "line"),
    [
        ("model/kernel/a.cpp", '#include "hw/ports.h"'),
        ("model/drivers/nvme.cpp", '#include "hw/nvme/registers.h"'),
        ("model/chain/a.cpp", '#include "model/providers/registry.h"'),
        ("model/designs/sync/a.cpp", '#include "model/designs/design.h"'),
        ("model/designs/sync/a.cpp", '#include "model/designs/sync/b.h"'),
        ("model/testbed/a.cpp", '#include "hw/factory.h"'),
        ("model/testbed/a.cpp", '#include "model/workloads/input/toml.h"'),
        ("model/testbed/a.cpp", '#include "model/metrics/a.h"'),
        ("hw/nvme/nvme.cpp", '#include "hw/nvme/registers.h"'),
        ("hw/nvme/nvme_shell.h", "#include <tlm_utils/simple_target_socket.h>"),
        ("hw/nvme/nvme_shell.cpp", '#include "model/engine/hosted/bridge.h"'),
        ("model/engine/hosted/pump.h", "#include <systemc>"),
        ("model/engine/a.cpp", '// #include "model/kernel/a.h"'),
    ],
)
def test_canary_a_fair_include_passes(path, line):
    assert not layers.violations({path: f"// x\n{line}\n"})
