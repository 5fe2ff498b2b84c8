"""From notebooks to website and PDF: execution, the ledger of numbers, rendering."""
