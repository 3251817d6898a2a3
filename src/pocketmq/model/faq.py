"""The hint that ends many of RocketMQ's remarks (FAQUrl#suggestTodo)."""

SEE_FAQ = "\nSee https://rocketmq.apache.org/docs/bestPractice/06FAQ for further details."
