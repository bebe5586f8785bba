"""Executed notebooks that are the same, byte for byte, in every run: no random names and no times of day."""

import hashlib
import json
import re

import nbformat
from nbformat import NotebookNode

VIEW = "application/vnd.jupyter.widget-view+json"
STATE = "application/vnd.jupyter.widget-state+json"
LINKS = ("LinkModel", "DirectionalLinkModel")
_REFERENCE = re.compile(r"IPY_MODEL_([0-9a-f]{32})")
_UUID = re.compile(r"\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b")


def cleaned(run: NotebookNode, *, injected: str = "injected-parameters") -> NotebookNode:
    """Drop the runner's own cells and records, count the executions anew, and name the widgets by their place."""
    run.cells = [cell for cell in run.cells if injected not in cell.metadata.get("tags", ())]
    run.metadata.pop("papermill", None)
    count = 0
    for cell in run.cells:
        for record in ("papermill", "execution"):
            cell.metadata.pop(record, None)
        if cell.cell_type == "code" and cell.execution_count is not None:
            count += 1
            cell.execution_count = count
            for output in cell.outputs:
                if "execution_count" in output:
                    output.execution_count = count
    return renamed_widgets(run)


def renamed_widgets(run: NotebookNode) -> NotebookNode:
    """Give every widget model a name from its place in the notebook; forget those no output reaches."""
    state = run.metadata.get("widgets", {}).get(STATE, {}).get("state", {})
    if not state:
        return run
    order = _reached(state, _shown(run))
    names = {old: hashlib.md5(str(place).encode()).hexdigest() for place, old in enumerate(order)}
    models = _replaced({old: state[old] for old in order}, names)
    run.metadata["widgets"][STATE]["state"] = nbformat.from_dict(models)
    run.cells = nbformat.from_dict(_replaced(run.cells, names))
    return run


def _shown(run: NotebookNode) -> list[str]:
    outputs = (output.get("data", {}) for cell in run.cells for output in cell.get("outputs", ()))
    return [data[VIEW]["model_id"] for data in outputs if VIEW in data]


def _references(model: dict) -> list[str]:
    return _REFERENCE.findall(json.dumps(model, sort_keys=True))


def _reached(state: dict, roots: list[str]) -> list[str]:
    """Models in the order a reader of the page comes to them; links join two of them and are shown by none."""
    order: dict[str, None] = {}

    def walk(name: str) -> None:
        if name in state and name not in order:
            order[name] = None
            for inner in _references(state[name]):
                walk(inner)

    for root in roots:
        walk(root)
    places = {name: place for place, name in enumerate(order)}
    links = [name for name, model in state.items() if model["model_name"] in LINKS]
    links = [name for name in links if set(_references(state[name])) & set(places)]

    def place_of_link(name: str) -> tuple:
        ends = [places.get(inner, len(places)) for inner in _references(state[name])]
        values = {end: state[name]["state"].get(end, [""])[1:] for end in ("source", "target")}
        return ends, json.dumps(values)

    for link in sorted(links, key=place_of_link):
        walk(link)
    return list(order)


def _replaced(tree, names: dict[str, str]):
    """The tree with every old name replaced, and every UUID in it by one from its place."""
    text = json.dumps(tree)
    for old, new in names.items():
        text = text.replace(old, new)
    seen = {uuid: place for place, uuid in enumerate(dict.fromkeys(_UUID.findall(text)))}
    text = _UUID.sub(lambda match: f"00000000-0000-4000-8000-{seen[match[0]]:012x}", text)
    return json.loads(text)
