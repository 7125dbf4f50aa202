"""Reads a spreadsheet with openpyxl: prints its rows as JSON, and fails when a cell is a formula."""

import json
import sys

import openpyxl

book = openpyxl.load_workbook(sys.argv[1])
rows = []
for sheet in book:
    for row in sheet.iter_rows():
        for cell in row:
            if cell.data_type == "f":
                sys.exit(f"{cell.coordinate} is a formula: {cell.value}")
        rows.append([cell.value for cell in row])
print(json.dumps({"sheets": book.sheetnames, "rows": rows}))
