"""How a batch of human loops is run: ledger, start, watch, collect. Nothing here knows of Dags or tasks."""
