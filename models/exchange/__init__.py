"""Import and exit: members and purchases from any common file, and everything out again.

`import_members` and `import_purchases` read CSV and Excel, say what is wrong row by row, write
in chunks that may be stopped and run again, and keep a journal by which `undo_import` takes a
file back. `export_all` and `restore_all` move a whole installation; `export_readable` is for
people.
"""

from models.exchange.archive import (
    ExportRefused,
    RestoreRefused,
    export_all,
    plan_export,
    restore_all,
)
from models.exchange.batch import (
    BatchNotUndoable,
    ImportBatch,
    ImportEffect,
    ImportRow,
    ImportTakenOver,
    MemberAlias,
    NoSuchBatch,
    count_batches,
    get_batch,
    list_batches,
)
from models.exchange.catalogue import ItemSheet, write_items
from models.exchange.columns import get_layout
from models.exchange.headings import MEMBERS, PRESETS, PURCHASES
from models.exchange.kinds import KINDS
from models.exchange.member_chunk import MemberOptions
from models.exchange.members import import_members
from models.exchange.problems import FileRefused, Findings, Problem
from models.exchange.purchase_chunk import PurchaseOptions
from models.exchange.purchases import import_purchases
from models.exchange.readable import export_readable
from models.exchange.reporting import REPORT_HEADINGS, SEVERITIES, report_row
from models.exchange.rows import open_source
from models.exchange.summary import Summary
from models.exchange.undo import Taken, undo_import

__all__ = [
    "KINDS",
    "MEMBERS",
    "PRESETS",
    "PURCHASES",
    "REPORT_HEADINGS",
    "SEVERITIES",
    "BatchNotUndoable",
    "ExportRefused",
    "FileRefused",
    "Findings",
    "ImportBatch",
    "ImportEffect",
    "ImportRow",
    "ImportTakenOver",
    "ItemSheet",
    "MemberAlias",
    "MemberOptions",
    "NoSuchBatch",
    "Problem",
    "PurchaseOptions",
    "RestoreRefused",
    "Summary",
    "Taken",
    "count_batches",
    "export_all",
    "export_readable",
    "get_batch",
    "get_layout",
    "import_members",
    "import_purchases",
    "list_batches",
    "open_source",
    "plan_export",
    "report_row",
    "restore_all",
    "undo_import",
    "write_items",
]
