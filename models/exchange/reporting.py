"""All problems of a file as rows for a spreadsheet, in Traditional Chinese."""

from models.exchange.kinds import ERROR, NOTE, WARNING
from models.exchange.problems import Problem
from models.exchange.readable import Cells, safe_cell

REPORT_HEADINGS = ("列號", "欄位", "程度", "問題", "建議處理")
SEVERITIES = {ERROR: "錯誤（不匯入）", WARNING: "注意（部分匯入）", NOTE: "說明"}


def report_row(problem: Problem) -> Cells:
    """Return a problem under the headings; nothing in it is taken for a formula."""
    severity = SEVERITIES[problem.severity]
    cells = (problem.row, problem.column, severity, problem.what(), problem.remedy())
    return [safe_cell(cell) for cell in cells]
