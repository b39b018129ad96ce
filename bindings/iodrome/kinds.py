# SPDX-License-Identifier: Apache-2.0
"""The words for what can be listed and explained. Apart from the rest because command lines are
parsed with them, and that must be quick."""

KINDS = (
    "design", "machine", "device", "part", "scenario", "mechanism", "metric", "stage",
    "cpu_class", "counter", "parameter", "option", "result",
)  # fmt: skip

#: by name of the list: the kind of thing in it, and what it is
LISTS = {
    "designs": ("design", "asynchronous-I/O designs that can race"),
    "machines": ("machine", "machines to race on"),
    "devices": ("part", "device parts that machines are made of"),
    "scenarios": ("scenario", "inputs that come with Iodrome"),
    "parameters": ("parameter", "what --set takes, with the values of a machine"),
    "mechanisms": ("mechanism", "parts of the modelled kernel"),
    "metrics": ("metric", "columns of a report"),
    "stages": ("stage", "where a request's time goes"),
    "cpu_classes": ("cpu_class", "where a CPU's time goes"),
    "counters": ("counter", "what every run counts"),
    "options": ("option", "options of fio job files"),
}
