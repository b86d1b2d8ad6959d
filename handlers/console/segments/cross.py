"""Two models over the same members: how many are in each pair of classes (X12)."""

from typing import Any

from flask import g, request
from flask.typing import ResponseReturnValue

from handlers.console.door import ConsoleDoor
from handlers.console.members.links import members_url
from handlers.console.segments.words import class_name, model_name
from handlers.console.views import show
from models.classification import ALL_MODELS, CrossTable, last_night
from models.classification.naming import class_codes
from models.classification.remembering import night_cross
from models.lifecycle import NAPL_91APP, NASLD
from models.segment.opening import cross_rule

SHADES = 5


def show_cross() -> ResponseReturnValue:
    """Show a cross table of two models, as the last night found them."""
    a, b = request.args.get("a", NASLD), request.args.get("b", NAPL_91APP)
    found = night_cross(g.session, a, b)
    return show(
        "segments/cross",
        a=a,
        b=b,
        names={code: model_name(code) for code in ALL_MODELS},
        night=last_night(g.session),
        columns=[class_name(b, code) for code in class_codes(b)],
        rows=_rows(found) if found is not None else [],
    )


def _rows(found: CrossTable) -> list[dict[str, Any]]:
    cells = {(cell.a, cell.b): cell for cell in found.cells}
    fullest = max((cell.members for cell in found.cells), default=0)
    rows = []
    for a in class_codes(found.model_a):
        row = [cells.get((a, b)) for b in class_codes(found.model_b)]
        rows.append(
            {
                "name": class_name(found.model_a, a),
                "total": sum(cell.members for cell in row if cell),
                "cells": [
                    {
                        "members": cell.members,
                        "net_twd": cell.net_twd,
                        "shade": -(-cell.members * SHADES // fullest),
                        "people": members_url(cross_rule(found.model_a, a, found.model_b, cell.b)),
                    }
                    if cell
                    else None
                    for cell in row
                ],
            }
        )
    return rows


def add_routes(blueprint: ConsoleDoor) -> None:
    """Add the cross table's address."""
    blueprint.get("/models/cross", right="see")(show_cross)
