"""Alerts: rules over the cluster's figures, who is told of them and when (docs/alerts.md)."""
