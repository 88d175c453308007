"""Feed bytes become products, and a report of what could not be used.

``feed.read_feed`` reads, ``summary.ImportSummary`` counts. Nothing here opens a file or a connection.
"""
